//! Telling apps that a session has ended (OpenID Connect Back-Channel Logout 1.0). What is to be told is written down in the
//! transaction that ends the session; how it is sent is for the server to see to.

use domain::clock::Moment;
use domain::entropy;
use domain::logout::{LogoutDelivery, LogoutReport, TOKEN_LIFETIME};
use domain::permission::Need;
use domain::redirect_uri::LaunchUrl;
use serde_json::json;
use uuid::Builder;

use crate::keys::JwtKind;
use crate::known::KnownApp;
use crate::{Context, Idp, OpError, Refusal};

/// The event that every logout token is about (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What to send where.
#[derive(Clone, Debug)]
pub struct LogoutCall {
    /// Where the app wants to be told.
    pub uri: LaunchUrl,
    /// The logout token.
    pub token: String,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The app knows.
    Told,
    /// The app does not want to be told any more.
    NotWanted,
    /// Why the app does not know yet.
    Failed(String),
}

impl Idp {
    /// Who is to be told, the oldest first, so many at the most.
    pub fn logout_deliveries(&self, moment: Moment, limit: usize) -> Result<Vec<LogoutDelivery>, OpError<Refusal>> {
        self.read(&Context::system(moment), Need::System, |op| Ok(op.logout_deliveries(limit)?))
    }

    /// What to send to the app, made now because it is good for two minutes; `None` when it does not want to be told any more.
    pub fn logout_call(
        &self,
        moment: Moment,
        delivery: &LogoutDelivery,
    ) -> Result<Option<LogoutCall>, OpError<Refusal>> {
        let ctx = Context::system(moment);
        ctx.timely()?;
        let app = self
            .read::<_, Refusal>(&ctx, Need::System, |op| Ok(self.known.app(op, delivery.client)?))?
            .and_then(|app| Some((app.client.settings.backchannel_logout_uri.clone()?, app)));
        let Some((uri, app)) = app else { return Ok(None) };
        Ok(Some(LogoutCall { uri, token: self.logout_token(&app, delivery, moment)? }))
    }

    /// Section 2.4. Both `sub` and `sid`, so that apps find the session by whichever they keep.
    fn logout_token(
        &self,
        app: &KnownApp,
        delivery: &LogoutDelivery,
        moment: Moment,
    ) -> Result<String, OpError<Refusal>> {
        let now = moment.now;
        let claims = json!({
            "iss": delivery.issuer,
            "sub": self.subject_at(&app.client, delivery.subject)?,
            "aud": app.client.name,
            "iat": now.unix(),
            "exp": (now + TOKEN_LIFETIME).unix(),
            "jti": Builder::from_random_bytes(entropy::bytes(self.entropy())).into_uuid(),
            "sid": self.oauth.access_key()?.session_name(delivery.account, delivery.session, delivery.client),
            "events": { EVENT: {} },
        });
        let algorithm = app.client.settings.algorithm;
        self.sign(algorithm, JwtKind::Logout, &claims, moment)
    }

    /// Writes down what came of these tries, in one transaction. Who could not be told is tried again, but not for ever.
    pub fn settle_logouts(
        &self,
        moment: Moment,
        tries: &[(LogoutDelivery, Delivered)],
    ) -> Result<(), OpError<Refusal>> {
        let ctx = Context::system(moment);
        self.write(&ctx, Need::System, |op| {
            for (delivery, outcome) in tries {
                let client = delivery.client;
                let report = |trouble| LogoutReport { at: moment.now, trouble };
                match outcome {
                    Delivered::NotWanted => op.delete_logout_delivery(delivery.number, client)?,
                    Delivered::Told => {
                        op.delete_logout_delivery(delivery.number, client)?;
                        op.put_logout_report(client, &report(None))?;
                    }
                    Delivered::Failed(why) => {
                        op.put_logout_report(client, &report(Some(why.clone())))?;
                        if delivery.is_last_try(moment.now) {
                            op.delete_logout_delivery(delivery.number, client)?;
                            let name = op.client(client)?.map(|app| app.name.to_string()).unwrap_or_default();
                            op.record_consequence("app.logout", &name, json!({ "why": why }))?;
                        }
                    }
                }
            }
            Ok(())
        })
    }
}
