//! Groups hold accounts and groups, to any depth and without cycles.

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
