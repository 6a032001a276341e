//! The relying party (WebAuthn Level 3 section 7) over webauthn-rs: discoverable passkeys, user verification required,
//! attestation not asked for. Challenges come from that library's own random source.
//!
//! There is one verifier for each RP ID. While the house answers to a former name there are two: the passkeys of that name are
//! asked for on its own pages, and on the new ones too (related origins, section 5.11).

use domain::credential::Passkey;
use domain::host::Host;
use domain::house::{Address, House};
use domain::id::AccountId;
use domain::name::Label;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;
use webauthn_rs::WebauthnBuilder;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, DiscoverableKey, Passkey as Key, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnError,
};

use crate::Fault;

/// A sign-in ceremony under way.
pub(crate) struct SignInState {
    /// Of which name the passkey has to be.
    pub(crate) rp_id: Host,
    /// On whose page it was asked for, and has to be answered.
    origin: String,
    state: DiscoverableAuthentication,
}

/// A registration ceremony under way.
pub(crate) struct Registration {
    /// For whom.
    pub(crate) account: AccountId,
    /// The link that led here, if one did.
    pub(crate) entrance: Option<Entrance>,
    state: PasskeyRegistration,
}

/// A link that is being used.
pub(crate) struct Entrance {
    /// The link's number.
    pub(crate) invite: i64,
    /// The display name that was chosen on the way in.
    pub(crate) display_name: Option<Label>,
}

/// Whom a registration is for.
pub(crate) struct NewKey<'a> {
    pub(crate) account: AccountId,
    pub(crate) handle: Uuid,
    pub(crate) name: &'a str,
    pub(crate) shown_as: &'a str,
    pub(crate) exclude: Vec<Vec<u8>>,
    pub(crate) entrance: Option<Entrance>,
}

/// What a sign-in answer says before anything of it is verified.
pub(crate) struct Claim {
    answer: PublicKeyCredential,
}

/// Why an answer was not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// Wrong challenge, origin, signature, or the user was not verified.
    Wrong,
    /// The signature is right but the counter ran backwards: there may be a copy.
    Cloned,
}

/// The verifiers for all names of the house.
pub(crate) struct RelyingParties {
    /// For the name that it has.
    pub(crate) current: RelyingParty,
    former: Option<RelyingParty>,
}

impl RelyingParties {
    pub(crate) fn new(house: &House) -> Result<Self, Fault> {
        let former = house.former().map(|former| RelyingParty::new(house, &former.host)).transpose()?;
        Ok(Self { current: RelyingParty::new(house, &house.host)?, former })
    }

    /// The verifier for that name, if the house has or had it. Whether a former one still counts is for the caller to know.
    pub(crate) fn of(&self, rp_id: &Host) -> Option<&RelyingParty> {
        [Some(&self.current), self.former.as_ref()].into_iter().flatten().find(|one| one.rp_id == *rp_id)
    }
}

/// The verifier of one name.
pub(crate) struct RelyingParty {
    rp_id: Host,
    webauthn: Webauthn,
}

impl RelyingParty {
    fn new(house: &House, rp_id: &Host) -> Result<Self, Fault> {
        let (issuer, here) = (house.issuer_of(rp_id), house.issuer());
        let origin = Url::parse(&issuer).map_err(Fault::unexpected)?;
        let related = Url::parse(&here).map_err(Fault::unexpected)?;
        let webauthn = WebauthnBuilder::new(rp_id.as_str(), &origin)
            .map(|builder| builder.rp_name(&house.name).append_allowed_origin(&related))
            .and_then(WebauthnBuilder::build)
            .map_err(|why| Fault::unexpected(format_args!("{issuer} cannot have passkeys: {why}")))?;
        Ok(Self { rp_id: rp_id.clone(), webauthn })
    }

    /// Asks for any passkey of this name, on the pages of that address.
    pub(crate) fn start_sign_in(&self, at: &Address) -> Result<(Value, SignInState), Fault> {
        let (challenge, state) = self.webauthn.start_discoverable_authentication().map_err(Fault::unexpected)?;
        let mut options = serde_json::to_value(&challenge).map_err(Fault::unexpected)?;
        if let Some(public_key) = options.get_mut("publicKey").and_then(Value::as_object_mut) {
            // How the user was verified is the authenticator's business.
            public_key.remove("extensions");
        }
        // Whether the browser offers it in the name field or in a dialogue is the page's choice.
        if let Some(all) = options.as_object_mut() {
            all.remove("mediation");
        }
        Ok((options, SignInState { rp_id: self.rp_id.clone(), origin: at.issuer(), state }))
    }

    /// Verifies the answer against the stored key. On success the key with its new counter and flags.
    pub(crate) fn finish_sign_in(
        &self,
        claim: &Claim,
        state: SignInState,
        stored: &Passkey,
    ) -> Result<Result<Passkey, Rejected>, Fault> {
        let mut key: Key = serde_json::from_value(stored.key.clone()).map_err(Fault::unexpected)?;
        let verified = self.webauthn.finish_discoverable_authentication_v2(
            &claim.answer,
            state.state,
            DiscoverableKey::from(&key),
        );
        match verified {
            Ok(result) if result.user_verified() && claim.was_made_on(&state.origin) => {
                key.update_credential(&result);
                Ok(Ok(Passkey { key: serde_json::to_value(&key).map_err(Fault::unexpected)?, ..stored.clone() }))
            }
            Ok(_) => Ok(Err(Rejected::Wrong)),
            Err(WebauthnError::CredentialPossibleCompromise) => Ok(Err(Rejected::Cloned)),
            Err(why) => {
                tracing::debug!(%why, "a passkey was not accepted");
                Ok(Err(Rejected::Wrong))
            }
        }
    }

    /// Asks for a new passkey.
    pub(crate) fn start_registration(&self, new: NewKey<'_>) -> Result<(Value, Registration), Fault> {
        let (challenge, state) = self
            .webauthn
            .start_passkey_registration(new.handle, new.name, new.shown_as, Some(new.exclude))
            .map_err(Fault::unexpected)?;
        let mut options = serde_json::to_value(&challenge).map_err(Fault::unexpected)?;
        if let Some(public_key) = options.get_mut("publicKey").and_then(Value::as_object_mut) {
            // The library leaves it to the authenticator whether the key can be found without a name; sign-in here needs it.
            public_key.insert(
                "authenticatorSelection".into(),
                json!({"residentKey": "required", "requireResidentKey": true, "userVerification": "required"}),
            );
            public_key.insert("attestation".into(), json!("none"));
            public_key.insert("extensions".into(), json!({"credProps": true}));
        }
        let registration = Registration { account: new.account, entrance: new.entrance, state };
        Ok((options, registration))
    }

    /// Verifies the answer and returns the new passkey; `None` when it was not made as asked.
    pub(crate) fn finish_registration(
        &self,
        answer: &Value,
        registration: &Registration,
    ) -> Result<Option<Passkey>, Fault> {
        let Ok(answer) = RegisterPublicKeyCredential::deserialize(answer) else { return Ok(None) };
        match self.webauthn.finish_passkey_registration(&answer, &registration.state) {
            Ok(key) => Ok(Some(Passkey {
                credential_id: key.cred_id().to_vec(),
                key: serde_json::to_value(&key).map_err(Fault::unexpected)?,
                suspect: false,
                rp_id: Some(self.rp_id.clone()),
            })),
            Err(why) => {
                tracing::debug!(%why, "a new passkey was not accepted");
                Ok(None)
            }
        }
    }
}

impl Claim {
    /// Reads what `navigator.credentials.get` gave.
    pub(crate) fn read(answer: &Value) -> Option<Self> {
        PublicKeyCredential::deserialize(answer).ok().map(|answer| Self { answer })
    }

    /// The `credential_id` it names.
    pub(crate) fn credential_id(&self) -> &[u8] {
        self.answer.get_credential_id()
    }

    /// The `user_handle` it names.
    pub(crate) fn user_handle(&self) -> Option<[u8; 16]> {
        self.answer.get_user_unique_id()?.try_into().ok()
    }

    /// Whether the browser says that it was on a page of that origin, and in no frame of another site. The library looks at
    /// frames in registrations only, and takes any origin that the RP ID may be used on.
    fn was_made_on(&self, origin: &str) -> bool {
        let Ok(data) = serde_json::from_slice::<Value>(&self.answer.response.client_data_json) else { return false };
        let framed = data.get("crossOrigin").and_then(Value::as_bool).unwrap_or(false);
        !framed && data.get("origin").and_then(Value::as_str) == Some(origin)
    }
}
