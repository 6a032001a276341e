//! RFC 8628 sections 3.4 and 3.5: the device asks until the person has answered. A question that is too early to be answered
//! reads and writes nothing.

use super::authorization_code::still_in;
use std::sync::Arc;

use domain::grant::authorization_code::RedeemedCode;
use domain::grant::device_code::{DeviceOffer, DeviceRefusal};
use serde_json::json;

use super::authorization_code::begin;
use super::{Attempt, Grant, Material, TokenRefusal};
use crate::known::KnownApp;
use crate::operation::{Abort, Refuses};

/// `grant_type`.
pub(crate) const NAME: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// See the module.
pub(super) struct DeviceCode;

impl Grant for DeviceCode {
    fn name(&self) -> &'static str {
        NAME
    }

    fn redeem(&self, attempt: &Attempt<'_>, app: Arc<KnownApp>) -> Result<Material, Abort<TokenRefusal>> {
        let Attempt { idp, ctx, op, request, .. } = attempt;
        let text = request.device_code.as_ref().ok_or(TokenRefusal::InvalidRequest("device_code is missing"))?;
        if !app.client.settings.device {
            return Err(TokenRefusal::NoDevices.into());
        }
        let at = idp.reached_at(ctx);
        let offer = DeviceOffer { client: app.client.id, host: at.host() };
        let granted = match idp.oauth.devices.redeem(text.expose(), &offer, ctx.uptime) {
            Ok(granted) => granted,
            Err(why @ DeviceRefusal::OtherClient) => {
                let refusal = TokenRefusal::Device(why);
                op.record_refusal("token.issue", app.client.name.as_str(), json!({ "why": refusal.to_string() }))?;
                return Err(refusal.commit());
            }
            Err(why) => return Err(TokenRefusal::Device(why).into()),
        };
        // Who signed out meanwhile has taken it back.
        if let Some(session) = granted.authentication.session
            && !still_in(op, granted.account, session, ctx.now)?
        {
            return Err(TokenRefusal::Device(DeviceRefusal::Denied).into());
        }
        let number = idp.oauth.family_number(ctx.now);
        begin(attempt, app, number, RedeemedCode { granted, nonce: None, dpop_jkt: None })
    }
}
