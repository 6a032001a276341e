//! What the token path knows about apps and people, so that it does not ask the store again and again: three quarters of what
//! userinfo costs would be those questions. Everything here belongs to one version of the directory; any change of an account,
//! a group or an app, by whatever operation, makes another version (`store::Reader::directory_version`) and empties it.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use domain::account::Account;
use domain::claim::ClaimRule;
use domain::client::Client;
use domain::group::Group;
use domain::id::{AccountId, ClientId, GroupId};
use domain::name::ClientName;
use domain::redirect_uri::RedirectUri;
use domain::scope::Scope;
use domain::time::Timestamp;
use store::{Fault, Reader};

/// Most apps that are remembered.
const MAX_APPS: usize = 64;

/// Most people that are remembered, with their groups.
const MAX_PEOPLE: usize = 128;

/// Most bytes of values in an app's rules or in a person's attributes to be remembered; more is asked for each time.
const MAX_BYTES: usize = 64 * 1024;

/// Most groups of a person, and most rows of an app, to be remembered.
const MAX_ROWS: usize = 200;

/// An app with its rules.
#[derive(Debug)]
pub(crate) struct KnownApp {
    pub(crate) client: Client,
    /// The groups whose members may use it.
    pub(crate) access: Vec<GroupId>,
    /// Which groups get which scopes beyond the standard ones.
    pub(crate) scopes: Vec<(GroupId, Scope)>,
    /// Its own claims.
    pub(crate) claims: Vec<ClaimRule>,
}

impl KnownApp {
    /// Whether it is small enough to be remembered.
    fn is_small(&self) -> bool {
        let values = || self.claims.iter().flat_map(|rule| &rule.values);
        let rows = self.access.len() + self.scopes.len() + self.claims.len() + values().count();
        rows <= MAX_ROWS && values().map(|one| one.value.to_string().len()).sum::<usize>() <= MAX_BYTES
    }
}

impl KnownPerson {
    /// Whether it is small enough to be remembered.
    fn is_small(&self) -> bool {
        let attributes = self.account.attributes.values();
        self.groups.len() <= MAX_ROWS && attributes.map(|one| one.to_string().len()).sum::<usize>() <= MAX_BYTES
    }
}

/// A person, or a service account, with all groups.
#[derive(Debug)]
pub(crate) struct KnownPerson {
    pub(crate) account: Account,
    /// Every group that it is in, directly or not.
    pub(crate) groups: Vec<Group>,
    /// When its picture was put there, if it has one.
    pub(crate) picture: Option<Timestamp>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Known(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    version: u64,
    names: HashMap<ClientName, ClientId>,
    apps: HashMap<ClientId, Arc<KnownApp>>,
    people: HashMap<AccountId, Arc<KnownPerson>>,
    /// The origins of all apps in browsers.
    origins: Option<Arc<HashSet<String>>>,
}

impl Known {
    /// The app of that name.
    pub(crate) fn app_by_name(&self, reader: &Reader<'_>, name: &ClientName) -> Result<Option<Arc<KnownApp>>, Fault> {
        let known = self.look(reader, |inner| inner.names.get(name).and_then(|id| inner.apps.get(id)).cloned());
        match known {
            Some(app) => Ok(Some(app)),
            None => self.load_app(reader, reader.client_by_name(name)?),
        }
    }

    /// The app of that row.
    pub(crate) fn app(&self, reader: &Reader<'_>, id: ClientId) -> Result<Option<Arc<KnownApp>>, Fault> {
        match self.look(reader, |inner| inner.apps.get(&id).cloned()) {
            Some(app) => Ok(Some(app)),
            None => self.load_app(reader, reader.client(id)?),
        }
    }

    /// The account of that row.
    pub(crate) fn person(&self, reader: &Reader<'_>, id: AccountId) -> Result<Option<Arc<KnownPerson>>, Fault> {
        if let Some(person) = self.look(reader, |inner| inner.people.get(&id).cloned()) {
            return Ok(Some(person));
        }
        let Some(account) = reader.account(id)? else { return Ok(None) };
        let groups = reader.effective_groups(id, account.kind)?;
        let picture = reader.picture_updated_at(id)?;
        let person = Arc::new(KnownPerson { account, groups, picture });
        if person.is_small() {
            self.keep(reader, |inner| insert(&mut inner.people, MAX_PEOPLE, id, Arc::clone(&person)));
        }
        Ok(Some(person))
    }

    /// Whether a page of that origin belongs to any app.
    pub(crate) fn has_page_origin(&self, reader: &Reader<'_>, origin: &str) -> Result<bool, Fault> {
        if let Some(origins) = self.look(reader, |inner| inner.origins.clone()) {
            return Ok(origins.contains(origin));
        }
        let apps = reader.clients()?;
        let public = apps.iter().filter(|app| app.is_public());
        let origins = public.flat_map(|app| &app.settings.redirect_uris).filter_map(RedirectUri::origin);
        let origins: Arc<HashSet<String>> = Arc::new(origins.collect());
        if origins.iter().map(String::len).sum::<usize>() <= MAX_BYTES {
            self.keep(reader, |inner| inner.origins = Some(Arc::clone(&origins)));
        }
        Ok(origins.contains(origin))
    }

    fn load_app(&self, reader: &Reader<'_>, client: Option<Client>) -> Result<Option<Arc<KnownApp>>, Fault> {
        let Some(client) = client else { return Ok(None) };
        let (id, name) = (client.id, client.name.clone());
        let (access, scopes, claims) =
            (reader.client_access(id)?, reader.client_scopes(id)?, reader.client_claims(id)?);
        let app = Arc::new(KnownApp { client, access, scopes, claims });
        if app.is_small() {
            self.keep(reader, |inner| {
                insert(&mut inner.names, MAX_APPS, name, id);
                insert(&mut inner.apps, MAX_APPS, id, Arc::clone(&app));
            });
        }
        Ok(Some(app))
    }

    fn look<T>(&self, reader: &Reader<'_>, find: impl FnOnce(&Inner) -> Option<T>) -> Option<T> {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.directory_version() == Some(inner.version) { find(&inner) } else { None }
    }

    fn keep(&self, reader: &Reader<'_>, put: impl FnOnce(&mut Inner)) {
        let Some(version) = reader.directory_version() else { return };
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if version > inner.version {
            *inner = Inner { version, ..Inner::default() };
        }
        // Somebody who looks at an older state keeps it to themselves.
        if version == inner.version {
            put(&mut inner);
        }
    }
}

/// Puts it in; when it is full, some other one goes.
fn insert<K: Eq + Hash + Clone, V>(map: &mut HashMap<K, V>, most: usize, key: K, value: V) {
    if map.len() >= most
        && let Some(other) = map.keys().next().cloned()
    {
        map.remove(&other);
    }
    map.insert(key, value);
}

#[cfg(test)]
mod tests {
    use domain::claim::{Combine, GroupValue, Placement};
    use domain::permission::Need;

    use super::*;
    use crate::flow::{Flow, photos};
    use crate::house::{NOW, console, group};
    use crate::moment::steady;
    use crate::{Context, Refusal};

    fn access(flow: &Flow) -> Vec<GroupId> {
        let idp = &flow.house.idp;
        idp.read::<_, Refusal>(&Context::system(steady(NOW)), Need::System, |op| {
            Ok(idp.known.app_by_name(op, &photos())?.unwrap().access.clone())
        })
        .unwrap()
    }

    fn remembered(flow: &Flow) -> usize {
        flow.house.idp.known.0.lock().unwrap().apps.len()
    }

    #[test]
    fn an_app_is_asked_for_once_and_again_after_any_change() {
        let flow = Flow::new();
        assert_eq!(access(&flow).len(), 1);
        assert_eq!(remembered(&flow), 1);
        flow.house.group("guests", &[]);
        flow.house.idp.allow_group(&console(), &photos(), &group("guests")).unwrap();
        assert_eq!(access(&flow).len(), 2);
    }

    #[test]
    fn a_change_that_was_undone_changes_nothing() {
        let flow = Flow::new();
        access(&flow);
        let undone = flow.house.idp.write::<(), Refusal>(&Context::system(steady(NOW)), Need::System, |op| {
            op.delete_client(op.client_by_name(&photos())?.unwrap().id)?;
            assert_eq!(op.directory_version(), None, "its own change is not shared");
            assert!(flow.house.idp.known.app_by_name(op, &photos())?.is_none(), "but seen");
            Err(Refusal::Conflict(String::new()).into())
        });
        assert!(undone.is_err());
        assert_eq!(access(&flow).len(), 1);
    }

    #[test]
    fn an_app_or_a_person_too_large_to_be_remembered_is_answered_for_all_the_same() {
        let flow = Flow::new().trusted();
        let large = serde_json::json!("x".repeat(4000));
        for n in 0..17 {
            let name = format!("large{n}");
            let rule = ClaimRule {
                name: name.parse().unwrap(),
                combine: Combine::First,
                placement: Placement::Both,
                attribute: None,
                values: vec![GroupValue { group: access(&flow)[0], value: large.clone() }],
            };
            flow.write(|op| op.put_client_claim(op.client_by_name(&photos())?.unwrap().id, &rule));
        }
        assert_eq!(flow.verified(&flow.tokens("openid"))["large16"], large);
        assert_eq!(remembered(&flow), 0);
        let mut person = KnownPerson { account: flow.anna.clone(), groups: Vec::new(), picture: None };
        assert!(person.is_small());
        person.account.attributes.insert("bio".to_owned(), "x".repeat(MAX_BYTES + 1).into());
        assert!(!person.is_small());
    }

    #[test]
    fn no_more_people_are_remembered_than_there_is_room_for() {
        let mut map = HashMap::new();
        for n in 0..1000 {
            insert(&mut map, MAX_PEOPLE, n, n);
        }
        assert_eq!(map.len(), MAX_PEOPLE);
        assert!(map.contains_key(&999));
    }
}
