//! Apps: who may use them, which scopes they may ask for, which claims they get.

use std::collections::BTreeSet;

use domain::claim::{ClaimRule, GroupValue};
use domain::client::Client;
use domain::host::Host;
use domain::id::{ClientId, GroupId};
use domain::name::ClientName;
use domain::picture::Picture;
use domain::scope::Scope;
use domain::secret::Digest;
use rusqlite::Row;

use crate::row::{blob, json, parsed, time, to_json};
use crate::{Fault, Reader, Writer};

const TABLE: &str = "client";

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, display_name, secret_digest, retired_digest, retired_until, settings, created_at, updated_at FROM client ",
            $rest
        )
    };
}

fn read(row: &Row<'_>) -> Result<Client, Fault> {
    let retired = digest(row, "retired_digest")?;
    Ok(Client {
        id: ClientId(row.get("id")?),
        name: parsed(row, "name", TABLE)?,
        display_name: parsed(row, "display_name", TABLE)?,
        secret: digest(row, "secret_digest")?,
        retired_secret: match retired {
            Some(retired) => Some((retired, time(row, "retired_until")?)),
            None => None,
        },
        settings: json(row, "settings", TABLE)?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn digest(row: &Row<'_>, column: &'static str) -> Result<Option<Digest>, Fault> {
    match row.get_ref(column)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        rusqlite::types::ValueRef::Integer(_)
        | rusqlite::types::ValueRef::Real(_)
        | rusqlite::types::ValueRef::Text(_)
        | rusqlite::types::ValueRef::Blob(_) => Ok(Some(Digest::from_bytes(blob(row, column, TABLE)?))),
    }
}

impl Reader<'_> {
    /// The app of that row.
    pub fn client(&self, id: ClientId) -> Result<Option<Client>, Fault> {
        self.one(select!("WHERE id = ?1"), [id.0], read)
    }

    /// The app of that name.
    pub fn client_by_name(&self, name: &ClientName) -> Result<Option<Client>, Fault> {
        self.one(select!("WHERE name = ?1"), [name.as_str()], read)
    }

    /// Which app a proxy shows under that name.
    pub fn client_of_host(&self, host: &Host) -> Result<Option<ClientId>, Fault> {
        self.one("SELECT client_id FROM client_host WHERE host = ?1", [host.as_str()], |row| Ok(ClientId(row.get(0)?)))
    }

    /// All apps, by name.
    pub fn clients(&self) -> Result<Vec<Client>, Fault> {
        self.all(select!("ORDER BY name"), [], read)
    }

    /// How many apps there are.
    pub fn count_clients(&self) -> Result<usize, Fault> {
        let count: Option<u32> = self.one("SELECT count(*) FROM client", [], |row| Ok(row.get(0)?))?;
        Ok(count.unwrap_or(0) as usize)
    }

    /// The groups whose members may use the app.
    pub fn client_access(&self, client: ClientId) -> Result<Vec<GroupId>, Fault> {
        self.all("SELECT group_id FROM client_access WHERE client_id = ?1", [client.0], |row| Ok(GroupId(row.get(0)?)))
    }

    /// Every pair of an app and a group whose members may use it.
    pub fn all_client_access(&self) -> Result<Vec<(ClientId, GroupId)>, Fault> {
        self.all("SELECT client_id, group_id FROM client_access", [], |row| {
            Ok((ClientId(row.get(0)?), GroupId(row.get(1)?)))
        })
    }

    /// Which groups get which scopes beyond the standard ones.
    pub fn client_scopes(&self, client: ClientId) -> Result<Vec<(GroupId, Scope)>, Fault> {
        self.all("SELECT group_id, scope FROM client_scope WHERE client_id = ?1", [client.0], |row| {
            Ok((GroupId(row.get("group_id")?), parsed(row, "scope", "client_scope")?))
        })
    }

    /// The app's rules for claims, by name; the values of each in their order.
    pub fn client_claims(&self, client: ClientId) -> Result<Vec<ClaimRule>, Fault> {
        let mut rules: Vec<ClaimRule> = Vec::new();
        let rows = self.all(
            "SELECT c.name, c.combine, c.placement, c.attribute, v.group_id, v.value
             FROM client_claim c LEFT JOIN client_claim_value v ON v.client_id = c.client_id AND v.name = c.name
             WHERE c.client_id = ?1 ORDER BY c.name, v.position",
            [client.0],
            read_claim,
        )?;
        for mut rule in rows {
            match rules.last_mut() {
                Some(last) if last.name == rule.name => last.values.append(&mut rule.values),
                Some(_) | None => rules.push(rule),
            }
        }
        Ok(rules)
    }

    /// Which apps have an icon.
    pub fn clients_with_icon(&self) -> Result<Vec<ClientId>, Fault> {
        self.all("SELECT client_id FROM client_icon", [], |row| Ok(ClientId(row.get(0)?)))
    }

    /// The app's icon.
    pub fn client_icon(&self, client: ClientId) -> Result<Option<Picture>, Fault> {
        self.one("SELECT media_type, bytes, updated_at FROM client_icon WHERE client_id = ?1", [client.0], |row| {
            Ok(Picture {
                media_type: row.get("media_type")?,
                bytes: row.get("bytes")?,
                updated_at: time(row, "updated_at")?,
            })
        })
    }
}

fn read_claim(row: &Row<'_>) -> Result<ClaimRule, Fault> {
    const TABLE: &str = "client_claim";
    let values = match row.get::<_, Option<i64>>("group_id")? {
        Some(group) => vec![GroupValue { group: GroupId(group), value: json(row, "value", "client_claim_value")? }],
        None => Vec::new(),
    };
    Ok(ClaimRule {
        name: parsed(row, "name", TABLE)?,
        combine: parsed(row, "combine", TABLE)?,
        placement: parsed(row, "placement", TABLE)?,
        attribute: row.get("attribute")?,
        values,
    })
}

impl Writer<'_> {
    /// Adds the app; its `id` is ignored and the new one returned.
    pub fn insert_client(&self, client: &Client) -> Result<ClientId, Fault> {
        let id = self.one(
            "INSERT INTO client (name, display_name, secret_digest, settings, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
            (
                client.name.as_str(),
                client.display_name.as_str(),
                client.secret.as_ref().map(|digest| digest.as_bytes().as_slice()),
                to_json(&client.settings, TABLE)?,
                client.created_at.unix(),
                client.updated_at.unix(),
            ),
            |row| Ok(ClientId(row.get(0)?)),
        )?;
        let id = id.ok_or_else(|| Fault::Corrupt { table: TABLE, row: "no id for a new row".to_owned() })?;
        self.put_client_hosts(id, &client.settings.forward_hosts)?;
        Ok(id)
    }

    /// Writes everything of the app but its row and name.
    pub fn update_client(&self, client: &Client) -> Result<(), Fault> {
        self.run(
            "UPDATE client SET display_name = ?2, secret_digest = ?3, settings = ?4, updated_at = ?5, retired_digest = ?6,
             retired_until = ?7 WHERE id = ?1",
            (
                client.id.0,
                client.display_name.as_str(),
                client.secret.as_ref().map(|digest| digest.as_bytes().as_slice()),
                to_json(&client.settings, TABLE)?,
                client.updated_at.unix(),
                client.retired_secret.as_ref().map(|(digest, _)| digest.as_bytes().as_slice()),
                client.retired_secret.as_ref().map(|(_, until)| until.unix()),
            ),
        )?;
        self.put_client_hosts(client.id, &client.settings.forward_hosts)
    }

    /// So that a host finds its app by a key.
    fn put_client_hosts(&self, client: ClientId, hosts: &[Host]) -> Result<(), Fault> {
        let known = self.all("SELECT host FROM client_host WHERE client_id = ?1 ORDER BY host", [client.0], |row| {
            Ok(row.get::<_, String>(0)?)
        })?;
        let wanted: BTreeSet<&str> = hosts.iter().map(Host::as_str).collect();
        if wanted.iter().eq(&known) {
            return Ok(());
        }
        self.run("DELETE FROM client_host WHERE client_id = ?1", [client.0])?;
        for host in wanted {
            self.run("INSERT INTO client_host (host, client_id) VALUES (?1, ?2)", (host, client.0))?;
        }
        Ok(())
    }

    /// Removes the app, all that hangs on it, and its token families.
    pub fn delete_client(&self, id: ClientId) -> Result<bool, Fault> {
        self.delete_token_families_of_client(id)?;
        Ok(self.run("DELETE FROM client WHERE id = ?1", [id.0])? > 0)
    }

    /// Lets the members of the group use the app; tells whether that is new.
    pub fn allow_client_group(&self, client: ClientId, group: GroupId) -> Result<bool, Fault> {
        let sql = "INSERT INTO client_access (client_id, group_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        Ok(self.run(sql, [client.0, group.0])? > 0)
    }

    /// Takes that back; tells whether there was something to take.
    pub fn deny_client_group(&self, client: ClientId, group: GroupId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM client_access WHERE client_id = ?1 AND group_id = ?2", [client.0, group.0])? > 0)
    }

    /// Lets the app ask for the scope when a member of the group signs in; tells whether that is new.
    pub fn add_client_scope(&self, client: ClientId, group: GroupId, scope: &Scope) -> Result<bool, Fault> {
        let sql = "INSERT INTO client_scope (client_id, group_id, scope) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        Ok(self.run(sql, (client.0, group.0, scope.as_str()))? > 0)
    }

    /// Takes that back; tells whether there was something to take.
    pub fn remove_client_scope(&self, client: ClientId, group: GroupId, scope: &Scope) -> Result<bool, Fault> {
        let sql = "DELETE FROM client_scope WHERE client_id = ?1 AND group_id = ?2 AND scope = ?3";
        Ok(self.run(sql, (client.0, group.0, scope.as_str()))? > 0)
    }

    /// Writes the rule in place of the one of the same name.
    pub fn put_client_claim(&self, client: ClientId, rule: &ClaimRule) -> Result<(), Fault> {
        self.run("DELETE FROM client_claim WHERE client_id = ?1 AND name = ?2", (client.0, rule.name.as_str()))?;
        self.run(
            "INSERT INTO client_claim (client_id, name, combine, placement, attribute) VALUES (?1, ?2, ?3, ?4, ?5)",
            (client.0, rule.name.as_str(), rule.combine.as_str(), rule.placement.as_str(), &rule.attribute),
        )?;
        for (position, given) in (0_i64..).zip(&rule.values) {
            self.run(
                "INSERT INTO client_claim_value (client_id, name, position, group_id, value) VALUES (?1, ?2, ?3, ?4, ?5)",
                (client.0, rule.name.as_str(), position, given.group.0, given.value.to_string()),
            )?;
        }
        Ok(())
    }

    /// Removes the rule of that name; tells whether there was one.
    pub fn delete_client_claim(&self, client: ClientId, name: &str) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM client_claim WHERE client_id = ?1 AND name = ?2", (client.0, name))? > 0)
    }

    /// Puts the icon in place of the one there.
    pub fn put_client_icon(&self, client: ClientId, icon: &Picture) -> Result<(), Fault> {
        self.run(
            "INSERT INTO client_icon (client_id, media_type, bytes, updated_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (client_id) DO UPDATE SET media_type = ?2, bytes = ?3, updated_at = ?4",
            (client.0, &icon.media_type, &icon.bytes, icon.updated_at.unix()),
        )?;
        Ok(())
    }

    /// Removes the icon; tells whether there was one.
    pub fn delete_client_icon(&self, client: ClientId) -> Result<bool, Fault> {
        Ok(self.run("DELETE FROM client_icon WHERE client_id = ?1", [client.0])? > 0)
    }
}
