//! Groups hold accounts and groups, to any depth and without cycles.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::id::GroupId;
use crate::name::GroupName;
use crate::strength::Strength;
use crate::time::Timestamp;

/// A group as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its row.
    pub id: GroupId,
    /// Its name.
    pub name: GroupName,
    /// What it is for, in words; may be empty.
    pub description: String,
    /// Set for the groups that come with the house and cannot be removed or renamed.
    pub builtin: Option<Builtin>,
    /// How strongly a member must sign in.
    pub strength: Strength,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// The groups that come with the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Builtin {
    /// May do everything.
    Owners,
    /// May manage persons and groups, but nothing that touches an owner.
    PeopleAdmins,
    /// May manage apps.
    AppAdmins,
    /// May read everything but secrets.
    Auditors,
    /// Every person, without being added.
    Everyone,
}

impl Builtin {
    /// All of them, in the order of creation.
    pub const ALL: [Self; 5] = [Self::Owners, Self::PeopleAdmins, Self::AppAdmins, Self::Auditors, Self::Everyone];

    /// The group's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owners => "owners",
            Self::PeopleAdmins => "people_admins",
            Self::AppAdmins => "app_admins",
            Self::Auditors => "auditors",
            Self::Everyone => "everyone",
        }
    }

    /// What it is for, in words.
    pub const fn description(self) -> &'static str {
        match self {
            Self::Owners => "May do everything",
            Self::PeopleAdmins => "May manage people and groups, except owners",
            Self::AppAdmins => "May manage apps",
            Self::Auditors => "May read everything, except secrets",
            Self::Everyone => "Every person of the house; nobody has to be added",
        }
    }

    /// The strength that it starts with.
    pub const fn initial_strength(self) -> Strength {
        match self {
            Self::Owners | Self::PeopleAdmins | Self::AppAdmins | Self::Auditors | Self::Everyone => Strength::Mfa,
        }
    }

    /// The built-in group of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|builtin| builtin.name() == name)
    }
}

/// The way on which `parent` would hold itself if it held `child` as well: from `parent` over `child` back to `parent`.
/// `children` tells what a group holds directly; each group is asked for once.
pub fn find_cycle<E>(
    parent: GroupId,
    child: GroupId,
    mut children: impl FnMut(GroupId) -> Result<Vec<GroupId>, E>,
) -> Result<Option<Vec<GroupId>>, E> {
    // Breadth first: the path that is named is a shortest one.
    let mut came_from = BTreeMap::from([(child, parent)]);
    let mut waiting = VecDeque::from([child]);
    while let Some(group) = waiting.pop_front() {
        if group == parent {
            return Ok(Some(way_back(parent, child, &came_from)));
        }
        for next in children(group)? {
            if let Entry::Vacant(entry) = came_from.entry(next) {
                entry.insert(group);
                waiting.push_back(next);
            }
        }
    }
    Ok(None)
}

fn way_back(parent: GroupId, child: GroupId, came_from: &BTreeMap<GroupId, GroupId>) -> Vec<GroupId> {
    let mut path = vec![parent];
    let mut group = parent;
    while group != child {
        match came_from.get(&group) {
            Some(before) => group = *before,
            None => break,
        }
        path.push(group);
    }
    path.push(parent);
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;

    type Edges = BTreeSet<(i64, i64)>;

    fn cycle(edges: &Edges, parent: i64, child: i64) -> Option<Vec<i64>> {
        let children = |group: GroupId| -> Result<Vec<GroupId>, Infallible> {
            Ok(edges.iter().filter(|(above, _)| *above == group.0).map(|(_, below)| GroupId(*below)).collect())
        };
        let Ok(found) = find_cycle(GroupId(parent), GroupId(child), children);
        found.map(|path| path.into_iter().map(|group| group.0).collect())
    }

    /// The naive model: what can be reached when everything is followed as long as something new turns up.
    fn reaches(edges: &Edges, from: i64, to: i64) -> bool {
        let mut seen = BTreeSet::from([from]);
        loop {
            let more: Vec<i64> = edges
                .iter()
                .filter(|(above, below)| seen.contains(above) && !seen.contains(below))
                .map(|e| e.1)
                .collect();
            if more.is_empty() {
                return seen.contains(&to);
            }
            seen.extend(more);
        }
    }

    #[test]
    fn a_cycle_is_named_from_the_group_back_to_itself() {
        let edges = Edges::from([(1, 2), (2, 3)]);
        assert_eq!(cycle(&edges, 3, 1), Some(vec![3, 1, 2, 3]));
        assert_eq!(cycle(&edges, 2, 1), Some(vec![2, 1, 2]));
        assert_eq!(cycle(&edges, 1, 1), Some(vec![1, 1]));
        assert_eq!(cycle(&edges, 1, 3), None);
    }

    proptest! {
        #[test]
        fn a_cycle_is_found_exactly_when_there_would_be_one(
            wanted in prop::collection::vec((0i64..12, 0i64..12), 0..40)
        ) {
            let mut edges = Edges::new();
            for (parent, child) in wanted {
                let found = cycle(&edges, parent, child);
                prop_assert_eq!(found.is_some(), reaches(&edges, child, parent));
                match found {
                    None => { edges.insert((parent, child)); }
                    Some(path) => {
                        prop_assert_eq!((path[0], path[1], path[path.len() - 1]), (parent, child, parent));
                        for step in path.windows(2).skip(1) {
                            prop_assert!(edges.contains(&(step[0], step[1])), "{:?}", path);
                        }
                    }
                }
            }
        }
    }
}
