//! Who is in which group. Upwards from an account or group to what it is in, downwards from a group to who is in it.

use domain::account::Account;
use domain::group::{Builtin, Group};
use domain::id::{AccountId, GroupId};
use domain::name::GroupName;
use domain::permission::Roles;
use domain::time::Timestamp;

use crate::group::read as read_group;
use crate::row::parsed;
use crate::{Fault, Reader, Writer, account};

const TABLE: &str = "household_group";

macro_rules! account_columns {
    () => {
        "SELECT a.id, a.subject, a.kind, a.name, a.attributes, a.valid_from, a.valid_until, a.locked, a.created_at, a.updated_at
         FROM account a "
    };
}

macro_rules! group_columns {
    () => {
        "SELECT g.id, g.name, g.description, g.builtin, g.strength, g.created_at, g.updated_at FROM household_group g "
    };
}

/// The group ?1 and all that it holds, as `below`.
macro_rules! below {
    () => {
        "WITH RECURSIVE below (id) AS (
             SELECT id FROM household_group WHERE id = ?1
             UNION SELECT gg.child_id FROM group_group gg JOIN below b ON gg.parent_id = b.id
         ) "
    };
}

impl Reader<'_> {
    /// The group itself and every group that it is in, by name.
    pub fn groups_above(&self, id: GroupId) -> Result<Vec<Group>, Fault> {
        self.all(
            concat!(
                "WITH RECURSIVE above (id) AS (
                     SELECT id FROM household_group WHERE id = ?1
                     UNION SELECT gg.parent_id FROM group_group gg JOIN above a ON gg.child_id = a.id
                 ) ",
                group_columns!(),
                "JOIN above a ON g.id = a.id ORDER BY g.name"
            ),
            [id.0],
            read_group,
        )
    }

    /// The offices that membership in the group gives.
    pub fn roles_of_group(&self, id: GroupId) -> Result<Roles, Fault> {
        Ok(self.groups_above(id)?.iter().filter_map(|group| group.builtin).fold(Roles::NONE, Roles::with))
    }

    /// The groups that hold this one directly, by name.
    pub fn parent_groups(&self, id: GroupId) -> Result<Vec<GroupName>, Fault> {
        self.all(
            "SELECT g.name FROM household_group g JOIN group_group gg ON gg.parent_id = g.id
             WHERE gg.child_id = ?1 ORDER BY g.name",
            [id.0],
            |row| parsed(row, "name", TABLE),
        )
    }

    /// The groups that this one holds directly, by name.
    pub fn child_groups(&self, id: GroupId) -> Result<Vec<(GroupId, GroupName)>, Fault> {
        self.all(
            "SELECT g.id, g.name FROM household_group g JOIN group_group gg ON gg.child_id = g.id
             WHERE gg.parent_id = ?1 ORDER BY g.name",
            [id.0],
            |row| Ok((GroupId(row.get("id")?), parsed(row, "name", TABLE)?)),
        )
    }

    /// The groups that the account was added to, by name.
    pub fn direct_groups(&self, id: AccountId) -> Result<Vec<GroupName>, Fault> {
        self.all(
            "SELECT g.name FROM household_group g JOIN group_account ga ON ga.group_id = g.id
             WHERE ga.account_id = ?1 ORDER BY g.name",
            [id.0],
            |row| parsed(row, "name", TABLE),
        )
    }

    /// The accounts that were added to the group, by name.
    pub fn direct_members(&self, id: GroupId, after: &str, limit: u32) -> Result<Vec<Account>, Fault> {
        self.all(
            concat!(
                account_columns!(),
                "WHERE a.id IN (SELECT account_id FROM group_account WHERE group_id = ?1) AND a.name > ?2
                 ORDER BY a.name LIMIT ?3"
            ),
            (id.0, after, limit),
            account::read,
        )
    }

    /// The accounts that are in the group, directly or through other groups, by name.
    pub fn effective_members(&self, id: GroupId, after: &str, limit: u32) -> Result<Vec<Account>, Fault> {
        if self.holds_everyone(id)? {
            return self.all(
                concat!(
                    below!(),
                    account_columns!(),
                    "WHERE a.name > ?2 AND (a.kind = 'person' OR EXISTS (
                         SELECT 1 FROM group_account ga JOIN below b ON ga.group_id = b.id WHERE ga.account_id = a.id
                     )) ORDER BY a.name LIMIT ?3"
                ),
                (id.0, after, limit),
                account::read,
            );
        }
        self.all(
            concat!(
                below!(),
                account_columns!(),
                "WHERE a.id IN (SELECT ga.account_id FROM group_account ga JOIN below b ON ga.group_id = b.id)
                 AND a.name > ?2 ORDER BY a.name LIMIT ?3"
            ),
            (id.0, after, limit),
            account::read,
        )
    }

    /// Whether the group is `everyone` or holds it.
    pub fn holds_everyone(&self, id: GroupId) -> Result<bool, Fault> {
        self.is_there(
            concat!(
                below!(),
                "SELECT 1 FROM household_group g JOIN below b ON g.id = b.id WHERE g.builtin = 1 AND g.name = ?2 LIMIT 1"
            ),
            (id.0, Builtin::Everyone.name()),
        )
    }

    /// Whether somebody in the group holds an office.
    pub fn holds_officers(&self, id: GroupId) -> Result<bool, Fault> {
        self.is_there(
            "WITH RECURSIVE below (id) AS (
                 SELECT id FROM household_group WHERE id = ?1
                 UNION SELECT gg.child_id FROM group_group gg JOIN below b ON gg.parent_id = b.id
             ), office (id) AS (
                 SELECT id FROM household_group WHERE builtin = 1 AND name <> 'everyone'
                 UNION SELECT gg.child_id FROM group_group gg JOIN office o ON gg.parent_id = o.id
             )
             SELECT 1 FROM group_account held JOIN office o ON held.group_id = o.id
             WHERE EXISTS (SELECT 1 FROM group_account ga JOIN below b ON ga.group_id = b.id WHERE ga.account_id = held.account_id)
                OR EXISTS (SELECT 1 FROM household_group g JOIN below b ON g.id = b.id WHERE g.builtin = 1 AND g.name = 'everyone')
             LIMIT 1",
            [id.0],
        )
    }

    /// Whether membership in the group lets into an app.
    pub fn opens_app(&self, id: GroupId) -> Result<bool, Fault> {
        self.is_there(
            "WITH RECURSIVE above (id) AS (
                 SELECT id FROM household_group WHERE id = ?1
                 UNION SELECT gg.parent_id FROM group_group gg JOIN above a ON gg.child_id = a.id
             )
             SELECT 1 FROM client_access ca JOIN above a ON ca.group_id = a.id LIMIT 1",
            [id.0],
        )
    }

    /// Whether there is an owner who is a person, not locked, and whose time has begun and has no end.
    pub fn has_lasting_owner(&self, now: Timestamp) -> Result<bool, Fault> {
        self.is_there(
            "WITH RECURSIVE office (id) AS (
                 SELECT id FROM household_group WHERE builtin = 1 AND name = ?1
                 UNION SELECT gg.child_id FROM group_group gg JOIN office o ON gg.parent_id = o.id
             )
             SELECT 1 FROM group_account ga JOIN office o ON ga.group_id = o.id JOIN account a ON a.id = ga.account_id
             WHERE a.kind = 'person' AND a.locked = 0 AND a.valid_until IS NULL
               AND (a.valid_from IS NULL OR a.valid_from <= ?2)
             LIMIT 1",
            (Builtin::Owners.name(), now.unix()),
        )
    }

    /// How many accounts and groups the group holds directly.
    pub fn count_members(&self, id: GroupId) -> Result<u32, Fault> {
        let count = self.one(
            "SELECT (SELECT count(*) FROM group_account WHERE group_id = ?1)
                  + (SELECT count(*) FROM group_group WHERE parent_id = ?1)",
            [id.0],
            |row| Ok(row.get(0)?),
        )?;
        Ok(count.unwrap_or(0))
    }

    /// How many groups the account was added to.
    pub fn count_direct_groups(&self, id: AccountId) -> Result<u32, Fault> {
        let count =
            self.one("SELECT count(*) FROM group_account WHERE account_id = ?1", [id.0], |row| Ok(row.get(0)?))?;
        Ok(count.unwrap_or(0))
    }

    fn is_there(&self, sql: &str, params: impl rusqlite::Params) -> Result<bool, Fault> {
        Ok(self.one(sql, params, |_| Ok(()))?.is_some())
    }
}

impl Writer<'_> {
    /// Adds the account to the group; `false` when it was there.
    pub fn insert_account_member(&self, group: GroupId, account: AccountId) -> Result<bool, Fault> {
        let rows = self.run(
            "INSERT INTO group_account (account_id, group_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (account.0, group.0),
        )?;
        Ok(rows > 0)
    }

    /// Takes the account out of the group; `false` when it was not there.
    pub fn delete_account_member(&self, group: GroupId, account: AccountId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM group_account WHERE account_id = ?1 AND group_id = ?2", (account.0, group.0))? > 0)
    }

    /// Voids the invites of all in the group, directly or through other groups; tells how many there were.
    pub fn delete_invites_within(&self, id: GroupId) -> Result<usize, Fault> {
        self.run(
            concat!(
                "DELETE FROM invite WHERE account_id IN (",
                below!(),
                "SELECT ga.account_id FROM group_account ga JOIN below b ON ga.group_id = b.id)"
            ),
            [id.0],
        )
    }

    /// Removes the API tokens of all in the group, directly or through other groups; tells how many there were.
    pub fn delete_api_tokens_within(&self, id: GroupId) -> Result<usize, Fault> {
        self.run(
            concat!(
                "DELETE FROM api_token WHERE account_id IN (",
                below!(),
                "SELECT ga.account_id FROM group_account ga JOIN below b ON ga.group_id = b.id)"
            ),
            [id.0],
        )
    }

    /// Adds the group `child` to the group; `false` when it was there.
    pub fn insert_group_member(&self, group: GroupId, child: GroupId) -> Result<bool, Fault> {
        let rows = self.run(
            "INSERT INTO group_group (child_id, parent_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            (child.0, group.0),
        )?;
        Ok(rows > 0)
    }

    /// Takes the group `child` out of the group; `false` when it was not there.
    pub fn delete_group_member(&self, group: GroupId, child: GroupId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM group_group WHERE child_id = ?1 AND parent_id = ?2", (child.0, group.0))? > 0)
    }
}
