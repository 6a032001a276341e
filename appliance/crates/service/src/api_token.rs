//! API tokens of service accounts: made, listed, revoked, and proven at each call.

use domain::account::{Account, AccountKind};
use domain::api_token::{ApiToken, MAX_TOKENS, end};
use domain::clock::Moment;
use domain::entropy;
use domain::id::ApiTokenNumber;
use domain::name::{Label, Username};
use domain::permission::{Actor, Denied, Need};
use domain::secret::Secret;
use domain::time::{Span, Timestamp};
use domain::token::{OpaqueToken, TokenKind};
use serde_json::json;
use store::{Fault, Reader};

use crate::account::{named, permit_over};
use crate::{Change, Context, Idp, OpError, Origin, Refusal};

/// A token that was just made.
#[derive(Debug)]
pub struct NewApiToken {
    /// Its number, by which it is revoked.
    pub number: ApiTokenNumber,
    /// The token itself. This is the only moment at which it can be read.
    pub token: Secret<String>,
    /// From when on it is void.
    pub expires_at: Timestamp,
}

impl Idp {
    /// Makes a token for the service account; it lives 90 days when nothing is said, two years at the most.
    pub fn create_api_token(
        &self,
        ctx: &Context,
        name: &Username,
        label: &Label,
        lifetime: Option<Span>,
    ) -> Result<NewApiToken, OpError<Refusal>> {
        ctx.timely()?;
        self.write(ctx, Need::ReadDirectory, |op| {
            let account = named(op, AccountKind::Service, name)?;
            permit_over(op, &account, "api_token.create")?;
            let expires_at = end(ctx.now, lifetime)
                .map_err(|why| Refusal::Invalid { what: "lifetime".to_owned(), why: why.to_owned() })?;
            op.delete_expired_api_tokens(account.id, ctx.now)?;
            if op.api_tokens(account.id)?.len() >= MAX_TOKENS {
                return Err(Refusal::TooMany { what: "tokens of a service account", limit: MAX_TOKENS }.into());
            }
            let number = ApiTokenNumber(entropy::number(self.entropy()));
            let token = OpaqueToken::random(account.id, number.0, self.entropy());
            op.insert_api_token(&ApiToken {
                account: account.id,
                number,
                digest: token.digest(),
                label: label.clone(),
                created_at: ctx.now,
                expires_at,
            })?;
            let detail = json!({ "number": number, "label": label, "expires_at": expires_at });
            op.record("api_token.create", name.as_str(), detail)?;
            Ok(NewApiToken { number, token: token.encode(TokenKind::Api), expires_at })
        })
    }

    /// Lists the tokens of the service account, the oldest first; those that are over as well, until the next one is made.
    pub fn list_api_tokens(&self, ctx: &Context, name: &Username) -> Result<Vec<ApiToken>, OpError<Refusal>> {
        self.read(ctx, Need::ReadDirectory, |op| {
            let account = named(op, AccountKind::Service, name)?;
            Ok(op.api_tokens(account.id)?)
        })
    }

    /// Revokes a token at once, and what its service account got at apps, by whichever of its tokens.
    pub fn revoke_api_token(
        &self,
        ctx: &Context,
        name: &Username,
        number: ApiTokenNumber,
    ) -> Result<Change, OpError<Refusal>> {
        self.write(ctx, Need::ReadDirectory, |op| {
            let account = named(op, AccountKind::Service, name)?;
            permit_over(op, &account, "api_token.revoke")?;
            if !op.delete_api_token(account.id, number)? {
                return Ok(Change::Unchanged);
            }
            op.delete_token_families_of(account.id)?;
            op.record("api_token.revoke", name.as_str(), json!({ "number": number }))?;
            Ok(Change::Removed)
        })
    }

    /// Who calls with this token. Every no sounds alike, and none is written: a flood of bad tokens wears out no card.
    pub fn authenticate_api_token(&self, token: &str, moment: Moment) -> Result<Actor, OpError<Refusal>> {
        self.read(&Context::anonymous(moment, Origin::default()), Need::Nothing, |op| {
            match proven(op, token, moment.now)? {
                Some(token) => Ok(Actor::Service { account: token.account, token: token.number }),
                None => Err(OpError::Refused(Refusal::Denied(Denied::NotSignedIn))),
            }
        })
    }
}

/// The token that the text is, if it is good now and its service account can be used.
pub(crate) fn proven(reader: &Reader<'_>, text: &str, now: Timestamp) -> Result<Option<ApiToken>, Fault> {
    let Some(offered) = OpaqueToken::decode(TokenKind::Api, text) else { return Ok(None) };
    let Some(known) = reader.api_token(offered.account, ApiTokenNumber(offered.row))? else { return Ok(None) };
    if known.digest != offered.digest() || !known.good(now) {
        return Ok(None);
    }
    let account = reader.account(known.account)?;
    let usable = |account: &Account| account.kind == AccountKind::Service && account.usable(now).is_ok();
    Ok(account.filter(usable).map(|_| known))
}

#[cfg(test)]
mod tests {
    use domain::account::AccountKind::Service;
    use domain::amend::Amendment;

    use super::*;
    use crate::house::{House, NOW, console, fresh, refusal, user};
    use crate::moment::steady;

    const NOBODY: Refusal = Refusal::Denied(Denied::NotSignedIn);

    fn label(text: &str) -> Label {
        text.parse().unwrap()
    }

    fn token(house: &House) -> NewApiToken {
        house.idp.create_api_token(&console(), &user("robot"), &label("cron"), None).unwrap()
    }

    #[test]
    fn a_token_proves_its_service_account_until_it_ends() {
        let house = House::new();
        let robot = house.service("robot", &[]);
        let made = token(&house);
        assert_eq!(made.expires_at, NOW + Span::days(90));
        assert_eq!(house.last_event(), "api_token.create robot success");
        let actor = house.idp.authenticate_api_token(made.token.expose(), steady(NOW)).unwrap();
        assert_eq!(actor, Actor::Service { account: robot.id, token: made.number });
        assert_eq!(refusal(house.idp.authenticate_api_token(made.token.expose(), steady(made.expires_at))), NOBODY);
    }

    #[test]
    fn a_clock_that_went_back_revives_no_token() {
        let house = House::new();
        house.service("robot", &[]);
        let made = token(&house);
        let at = |now| house.idp.authenticate_api_token(made.token.expose(), steady(now));
        assert!(at(NOW - Span::minutes(4)).is_ok());
        assert_eq!(refusal(at(NOW - Span::minutes(6))), NOBODY);
    }

    #[test]
    fn a_token_gives_the_offices_of_its_account_and_no_more() {
        let house = House::new();
        house.service("robot", &["auditors"]);
        let actor = house.idp.authenticate_api_token(token(&house).token.expose(), steady(NOW)).unwrap();
        let ctx = Context::new(actor, steady(NOW), Origin::default());
        assert!(house.idp.list_accounts(&ctx, Service, &crate::PageQuery::default()).is_ok());
        let refused = house.idp.create_account(&ctx, Service, &user("more"), &Amendment::default());
        assert_eq!(refusal(refused), Refusal::Denied(Denied::NotAllowed));
    }

    #[test]
    fn a_revoked_token_is_void_at_once_and_revoking_again_is_unchanged() {
        let house = House::new();
        house.service("robot", &[]);
        let made = token(&house);
        let revoke = || house.idp.revoke_api_token(&console(), &user("robot"), made.number);
        assert_eq!(revoke().unwrap(), Change::Removed);
        house.leaves_no_trace(revoke);
        assert_eq!(refusal(house.idp.authenticate_api_token(made.token.expose(), steady(NOW))), NOBODY);
    }

    #[test]
    fn a_token_that_was_revoked_on_the_way_changes_nothing_more() {
        let house = House::new();
        house.service("robot", &["owners"]);
        let made = token(&house);
        let actor = house.idp.authenticate_api_token(made.token.expose(), steady(NOW)).unwrap();
        let ctx = Context::new(actor, steady(NOW), Origin::default());
        house.idp.revoke_api_token(&console(), &user("robot"), made.number).unwrap();
        let refused = house.idp.create_account(&ctx, Service, &user("more"), &Amendment::default());
        assert_eq!(refusal(refused), NOBODY);
    }

    #[test]
    fn a_locked_or_deleted_service_account_has_no_token() {
        let house = House::new();
        house.service("robot", &[]);
        let made = token(&house);
        let lock = Amendment { locked: Some(true), ..Amendment::default() };
        house.idp.set_account(&console(), Service, &user("robot"), &lock).unwrap();
        assert_eq!(refusal(house.idp.authenticate_api_token(made.token.expose(), steady(NOW))), NOBODY);
        house.idp.delete_account(&console(), Service, &user("robot")).unwrap();
        assert_eq!(refusal(house.idp.authenticate_api_token(made.token.expose(), steady(NOW))), NOBODY);
    }

    #[test]
    fn another_secret_or_rubbish_is_nobody() {
        let house = House::new();
        let robot = house.service("robot", &[]);
        let made = token(&house);
        let guess = OpaqueToken::random(robot.id, made.number.0, &crate::testing::SeededEntropy::new(99));
        for raw in [guess.encode(TokenKind::Api).expose().as_str(), "", "lk_t_", "Bearer", "é"] {
            assert_eq!(refusal(house.idp.authenticate_api_token(raw, steady(NOW))), NOBODY, "{raw}");
        }
        assert_eq!(
            refusal(house.idp.authenticate_api_token(&made.token.expose().replace("lk_t_", "lk_s_"), steady(NOW))),
            NOBODY
        );
    }

    #[test]
    fn a_token_for_an_office_is_made_by_owners_only() {
        let house = House::new();
        let admin = fresh(&house.person("pia", &["people_admins"]));
        house.service("robot", &[]);
        house.service("boss", &["owners"]);
        assert!(house.idp.create_api_token(&admin, &user("robot"), &label("a"), None).is_ok());
        let refused = house.idp.create_api_token(&admin, &user("boss"), &label("a"), None);
        assert_eq!(refusal(refused), Refusal::Denied(Denied::NotAllowed));
    }

    #[test]
    fn persons_have_no_tokens_and_tokens_are_bounded_in_time_and_number() {
        let house = House::new();
        house.person("anna", &[]);
        house.service("robot", &[]);
        let make =
            |name: &str, days| house.idp.create_api_token(&console(), &user(name), &label("a"), Some(Span::days(days)));
        assert!(matches!(refusal(make("anna", 1)), Refusal::NotFound { .. }));
        assert!(matches!(refusal(make("robot", 0)), Refusal::Invalid { .. }));
        assert!(matches!(refusal(make("robot", 800)), Refusal::Invalid { .. }));
        for _ in 0..MAX_TOKENS {
            make("robot", 1).unwrap();
        }
        assert!(matches!(refusal(make("robot", 1)), Refusal::TooMany { .. }));
        assert_eq!(house.idp.list_api_tokens(&console(), &user("robot")).unwrap().len(), MAX_TOKENS);
    }
}
