//! Groups and membership.

use domain::account::AccountKind;
use domain::group::{Builtin, Group};
use domain::id::{AccountId, GroupId};
use domain::name::GroupName;
use domain::permission::Roles;
use rusqlite::Row;

use crate::row::{parsed, time};
use crate::{Fault, Reader, Writer};

const TABLE: &str = "household_group";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT g.id, g.name, g.description, g.builtin, g.strength, g.created_at, g.updated_at FROM household_group g ",
            $rest
        )
    };
}

/// On the way of every sign-in and token call: each step must go by a key. CROSS JOIN keeps the closure the outer side; else a
/// planner may walk all groups in the order of their names.
const EFFECTIVE_GROUPS: &str = "WITH RECURSIVE closure (id) AS (
         SELECT group_id FROM group_account WHERE account_id = ?1
         UNION SELECT id FROM household_group WHERE ?2 AND builtin = 1 AND name = 'everyone'
         UNION SELECT gg.parent_id FROM closure c CROSS JOIN group_group gg WHERE gg.child_id = c.id
     )
     SELECT g.id, g.name, g.description, g.builtin, g.strength, g.created_at, g.updated_at
     FROM closure c CROSS JOIN household_group g WHERE g.id = c.id ORDER BY g.name";

/// Reads the columns of a group, whatever else the row holds.
pub(crate) fn read(row: &Row<'_>) -> Result<Group, Fault> {
    let name: GroupName = parsed(row, "name", TABLE)?;
    let builtin = if row.get("builtin")? { Builtin::by_name(name.as_str()) } else { None };
    Ok(Group {
        id: GroupId(row.get("id")?),
        builtin,
        name,
        description: row.get("description")?,
        strength: parsed(row, "strength", TABLE)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

impl Reader<'_> {
    /// The group of that row.
    pub fn group(&self, id: GroupId) -> Result<Option<Group>, Fault> {
        self.one(select!("WHERE g.id = ?1"), [id.0], read)
    }

    /// The group of that name.
    pub fn group_by_name(&self, name: &GroupName) -> Result<Option<Group>, Fault> {
        self.one(select!("WHERE g.name = ?1"), [name.as_str()], read)
    }

    /// Groups whose name begins with `prefix` and comes after `after`, by name.
    pub fn groups(&self, prefix: &str, after: &str, limit: u32) -> Result<Vec<Group>, Fault> {
        self.all(
            // No name holds a `~`, and every character of a name comes before it.
            select!("WHERE g.name >= ?1 AND g.name < ?1 || '~' AND g.name > ?2 ORDER BY g.name LIMIT ?3"),
            (prefix, after, limit),
            read,
        )
    }

    /// How many groups there are.
    pub fn count_groups(&self) -> Result<u32, Fault> {
        Ok(self.one("SELECT count(*) FROM household_group", [], |row| Ok(row.get(0)?))?.unwrap_or(0))
    }

    /// Every group that the account is in, directly, through other groups, or (a person) through `everyone`; by name.
    pub fn effective_groups(&self, account: AccountId, kind: AccountKind) -> Result<Vec<Group>, Fault> {
        self.all(EFFECTIVE_GROUPS, (account.0, kind == AccountKind::Person), read)
    }

    /// The offices that the account holds.
    pub fn roles(&self, account: AccountId, kind: AccountKind) -> Result<Roles, Fault> {
        let groups = self.effective_groups(account, kind)?;
        Ok(groups.iter().filter_map(|group| group.builtin).fold(Roles::NONE, Roles::with))
    }
}

impl Writer<'_> {
    /// Adds the group; its `id` is ignored and the new one returned.
    pub fn insert_group(&self, group: &Group) -> Result<GroupId, Fault> {
        let id = self.one(
            "INSERT INTO household_group (name, description, builtin, strength, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
            (
                group.name.as_str(),
                &group.description,
                group.builtin.is_some(),
                group.strength.as_str(),
                group.created_at.unix(),
                group.updated_at.unix(),
            ),
            |row| Ok(GroupId(row.get(0)?)),
        )?;
        id.ok_or_else(|| Fault::Corrupt { table: TABLE, row: "no id for a new row".to_owned() })
    }

    /// Writes name, description, strength and time of change of the group.
    pub fn update_group(&self, group: &Group) -> Result<(), Fault> {
        self.run(
            "UPDATE household_group SET name = ?2, description = ?3, strength = ?4, updated_at = ?5 WHERE id = ?1",
            (group.id.0, group.name.as_str(), &group.description, group.strength.as_str(), group.updated_at.unix()),
        )?;
        Ok(())
    }

    /// Removes the group and its memberships, not its members.
    pub fn delete_group(&self, id: GroupId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM household_group WHERE id = ?1", [id.0])? > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Ending, Store};

    /// A house of 10,000 persons and 2,000 groups, each group in another, each person in three.
    const FILL: &[&str] = &[
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO household_group (name, description, builtin, strength, created_at, updated_at)
         SELECT 'g' || i, '', 0, 'any', 0, 0 FROM n",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO account (subject, kind, name, attributes, locked, created_at, updated_at)
         SELECT randomblob(16), 'person', 'p' || i, '{}', 0, 0, 0 FROM n",
        "INSERT INTO group_group (child_id, parent_id) SELECT id, id / 2 FROM household_group WHERE id > 1",
        "INSERT INTO group_account (account_id, group_id)
         SELECT a.id, 1 + (a.id * k.n) % 2000 FROM account a, (SELECT 7 AS n UNION SELECT 11 UNION SELECT 13) k
         WHERE true ON CONFLICT DO NOTHING",
        "ANALYZE",
    ];

    fn plan(reader: &Reader<'_>, sql: &str) -> Vec<String> {
        reader.all(&format!("EXPLAIN QUERY PLAN {sql}"), (5_000, true), |row| Ok(row.get("detail")?)).unwrap()
    }

    #[test]
    fn the_groups_of_a_person_are_found_by_keys_alone() {
        let store = Store::in_memory().unwrap();
        let check = |reader: &Reader<'_>| {
            let plan = plan(reader, EFFECTIVE_GROUPS);
            let scans: Vec<_> = plan.iter().filter(|step| step.starts_with("SCAN") && *step != "SCAN c").collect();
            assert!(scans.is_empty(), "{plan:#?}");
            assert!(!plan.iter().any(|step| step.contains("AUTOMATIC")), "{plan:#?}");
        };
        let filled = store.write(|writer| {
            // A planner without statistics must find the way as well as one with them.
            check(writer);
            for sql in FILL {
                if let Err(fault) = writer.run(sql, ()) {
                    return Ending::Rollback(Err(fault));
                }
            }
            check(writer);
            Ending::Commit(Ok(()))
        });
        filled.unwrap().unwrap();
        let found = store.read(|reader| reader.effective_groups(AccountId(5_000), AccountKind::Person)).unwrap();
        assert!((3..40).contains(&found.len()), "{}", found.len());
    }
}
