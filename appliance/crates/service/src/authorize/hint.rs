//! Whom the app means: `id_token_hint` (OpenID Connect Core section 3.1.2.1) and a `sub` that it insists on (section 5.5.1).

use domain::client::{Client, ConsentMode};
use domain::id::{AccountId, Subject};
use store::Reader;

use super::answer::ErrorCode;
use super::claims::Asked;
use super::request::{AuthorizationRequest, Wrong};
use crate::keys::OwnToken;
use crate::{Fault, Idp};

/// Whom the app means, if it says so.
#[derive(Debug, Default)]
pub(super) struct Meant {
    /// One of these, as the app calls people. Several demands must all be met.
    subjects: Vec<Vec<String>>,
    /// Who a token of ours says; a `sub` that anybody can write is no reason to name anybody.
    hinted: Option<String>,
    /// A token that nobody can verify any more says that somebody is meant, but not who.
    pub(super) unknown: bool,
}

impl Meant {
    /// Whether the person with this `sub` may be the one.
    pub(super) fn allows(&self, subject: &str) -> bool {
        self.subjects.iter().all(|allowed| allowed.iter().any(|one| one == subject))
    }
}

impl Idp {
    /// Whom this request is about. A token is believed if we signed it for this app, also when it is over.
    pub(super) fn meant(
        &self,
        request: &AuthorizationRequest,
        (client, asked): (&Client, &Asked),
    ) -> Result<Meant, Wrong> {
        const FOREIGN: Wrong = (ErrorCode::InvalidRequest, "id_token_hint is no ID token of this issuer for this app");
        let mut meant = Meant { subjects: asked.subjects.iter().cloned().collect(), hinted: None, unknown: false };
        let Some(hint) = request.get("id_token_hint") else { return Ok(meant) };
        let claims = match self.own_token(hint) {
            OwnToken::Ours(claims) => claims,
            // Its key is not published any more.
            OwnToken::Retired => {
                meant.unknown = true;
                return Ok(meant);
            }
            OwnToken::Foreign => return Err(FOREIGN),
        };
        let is = |name: &str, value: &str| claims.get(name).and_then(|claim| claim.as_str()) == Some(value);
        match claims.get("sub").and_then(|sub| sub.as_str()) {
            Some(sub) if is("aud", client.name.as_str()) => {
                meant.subjects.push(vec![sub.to_owned()]);
                meant.hinted = Some(sub.to_owned());
                Ok(meant)
            }
            Some(_) | None => Err(FOREIGN),
        }
    }

    /// What the app calls that person.
    pub(super) fn called(
        &self,
        reader: &Reader<'_>,
        client: &Client,
        account: AccountId,
    ) -> Result<Option<String>, Fault> {
        let person = self.known.person(reader, account)?;
        person.map(|person| self.subject_at(client, person.account.subject)).transpose()
    }

    /// The name to sign in with, where only one person is meant and the app may know their name: it sees our pages as anybody
    /// does.
    pub(super) fn meant_name(
        &self,
        reader: &Reader<'_>,
        client: &Client,
        meant: &Meant,
    ) -> Result<Option<String>, Fault> {
        let Some(Ok(subject)) = meant.hinted.as_ref().map(|sub| sub.parse::<Subject>()) else { return Ok(None) };
        let Some(account) = reader.account_by_subject(subject)? else { return Ok(None) };
        let agreed =
            || Ok::<_, Fault>(reader.consent(account.id, client.id)?.is_some_and(|one| one.scopes.has("profile")));
        let may_know = match client.settings.consent {
            ConsentMode::Skip => true,
            ConsentMode::Ask => agreed()?,
        };
        Ok(may_know.then(|| account.name.to_string()))
    }
}
