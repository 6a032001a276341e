//! A sign-in that an admin tries out (`latchkey app try`): the real flow up to the code, which then tells which rule produced each
//! claim, instead of becoming tokens. No token is made, so that nobody can use the trial to be somebody else at the app.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::claim::Released;
use domain::grant::authorization_code::{AuthorizationCode, CodeRefusal, Granted};
use domain::grant::refresh_token::TokenFamily;
use domain::id::{ClientId, FamilyNumber};
use domain::name::{ClientName, Username};
use domain::permission::Need;
use domain::redirect_uri::RedirectUri;
use domain::scope::Scopes;
use domain::secret::{self, Digest};
use domain::strength::Strength;
use domain::time::{Span, Uptime};
use serde::Serialize;
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use crate::codes::Taken;
use crate::known::KnownApp;
use crate::token::{Material, TokenRefusal, id_token_claims};
use crate::{Context, Idp, OpError, Refusal, path};

/// How long a trial may take.
const LIFETIME: Span = Span::minutes(10);

/// Most trials at a time; the oldest goes.
const MAX_TRIALS: usize = 16;

/// What to open in a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrialStart {
    /// To finish it with.
    pub trial: String,
    /// The whole address.
    pub url: String,
    /// What comes back as `state`.
    pub state: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrialReport {
    /// The person got in.
    Released(Box<TrialResult>),
    /// The person did not, or the code was not good.
    Refused {
        /// Why, for people.
        why: String,
    },
}

/// What the app would have learnt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrialResult {
    /// Who signed in.
    pub person: Username,
    /// How strongly.
    pub strength: Strength,
    /// What was granted.
    pub scopes: Scopes,
    /// The claims of the ID token.
    pub id_token: Map<String, Value>,
    /// The answer of userinfo.
    pub userinfo: Map<String, Value>,
    /// Every claim and the rule that produced it.
    pub claims: Vec<Released>,
}

/// Trials under way; in memory only.
#[derive(Default)]
pub(crate) struct Trials(Mutex<HashMap<[u8; 32], Trial>>);

struct Trial {
    client: ClientId,
    redirect_uri: String,
    began: Uptime,
    refused: Option<String>,
}

impl Trials {
    /// Whether the trial lets this app answer to this address, which need not be registered.
    pub(crate) fn answers_to(&self, trial: &str, client: ClientId, redirect_uri: &str, now: Uptime) -> bool {
        self.living(now)
            .get(&name_of(trial))
            .is_some_and(|one| one.client == client && one.redirect_uri == redirect_uri)
    }

    /// Remembers why the person was not let in.
    pub(crate) fn refused(&self, trial: &str, why: &str, now: Uptime) {
        if let Some(one) = self.living(now).get_mut(&name_of(trial)) {
            one.refused = Some(why.to_owned());
        }
    }

    fn begin(&self, trial: &str, one: Trial) {
        let mut all = self.living(one.began);
        if all.len() >= MAX_TRIALS {
            let oldest = all.iter().min_by_key(|(_, one)| one.began).map(|(name, _)| *name);
            oldest.and_then(|name| all.remove(&name));
        }
        all.insert(name_of(trial), one);
    }

    fn take(&self, trial: &str, now: Uptime) -> Option<Trial> {
        self.living(now).remove(&name_of(trial))
    }

    fn living(&self, now: Uptime) -> MutexGuard<'_, HashMap<[u8; 32], Trial>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, one| now < one.began + LIFETIME);
        all
    }
}

fn name_of(trial: &str) -> [u8; 32] {
    *Digest::of(trial.as_bytes()).as_bytes()
}

impl Idp {
    /// Begins a trial of the app that answers to a listener on the admin's own device.
    pub fn begin_trial(
        &self,
        ctx: &Context,
        app: &ClientName,
        redirect_uri: &RedirectUri,
        scopes: &Scopes,
    ) -> Result<TrialStart, OpError<Refusal>> {
        ctx.timely()?;
        let refuse = |refusal| OpError::Refused(refusal);
        let client = self.read(ctx, Need::ManageApps, |op| {
            op.client_by_name(app)?.ok_or_else(|| refuse(Refusal::NotFound { kind: "app", name: app.to_string() }))
        })?;
        if !redirect_uri.is_loopback() {
            let why = "use an address of your own device, as in http://127.0.0.1:1234/".to_owned();
            return Err(refuse(Refusal::Invalid { what: "redirect_uri".to_owned(), why }));
        }
        let text = || URL_SAFE_NO_PAD.encode(secret::random_key(self.entropy()).expose());
        let (trial, state, challenge, nonce) = (text(), text(), text(), text());
        let mut query = Serializer::new(String::new());
        query
            .append_pair("client_id", app.as_str())
            .append_pair("redirect_uri", redirect_uri.as_str())
            .append_pair("response_type", "code")
            .append_pair("scope", &scopes.to_string())
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            // A challenge that nobody has the answer to. Whoever puts in one of their own gets no token either: the code
            // remembers that it belongs to a trial.
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .append_pair("lk_trial", &trial);
        let url = format!("{}{}?{}", self.issuer(), path::AUTHORIZATION, query.finish());
        let one = Trial { client: client.id, redirect_uri: redirect_uri.to_string(), began: ctx.uptime, refused: None };
        self.oauth.trials.begin(&trial, one);
        Ok(TrialStart { trial, url, state })
    }

    /// Ends the trial: with the code that came back, or without one when an error did.
    pub fn finish_trial(
        &self,
        ctx: &Context,
        trial: &str,
        code: Option<&str>,
    ) -> Result<TrialReport, OpError<Refusal>> {
        self.read(ctx, Need::ManageApps, |op| {
            let Some(trial) = self.oauth.trials.take(trial, ctx.uptime) else {
                let why = "the trial is over; begin another one".to_owned();
                return Err(OpError::Refused(Refusal::Conflict(why)));
            };
            let Some(code) = code else {
                let why = trial.refused.unwrap_or_else(|| "the app was told an error; see its description".to_owned());
                return Ok(TrialReport::Refused { why });
            };
            let number = self.oauth.family_number(ctx.now);
            let code = match self.oauth.codes.take(code, number, ctx.now) {
                Taken::Code(code) => *code,
                Taken::Nothing | Taken::Spent { .. } => return Ok(refused(CodeRefusal::Unknown)),
            };
            let app = self.known.app(op, trial.client)?.filter(|app| app.client.id == code.granted.client);
            let Some(app) = app.filter(|_| code.trial && code.redirect_uri == trial.redirect_uri) else {
                return Ok(refused(CodeRefusal::OtherClient));
            };
            if ctx.now >= code.expires_at() {
                return Ok(refused(CodeRefusal::Expired));
            }
            self.report(op, ctx, app, code)
        })
    }

    fn report(
        &self,
        reader: &store::Reader<'_>,
        ctx: &Context,
        app: Arc<KnownApp>,
        code: AuthorizationCode,
    ) -> Result<TrialReport, OpError<Refusal>> {
        let AuthorizationCode { granted, nonce, .. } = code;
        let Granted { account, authentication, .. } = granted;
        let admitted = match self.known.admit(reader, &app, account, (authentication.strength, ctx.now))? {
            Ok(admitted) => admitted,
            Err(why) => return Ok(TrialReport::Refused { why: why.to_string() }),
        };
        let issuer = self.issuer();
        let claims = admitted.claims_asked(&granted.scopes, &granted.claims, &issuer);
        let lifetimes = app.client.settings.lifetimes;
        let family = TokenFamily::begin(FamilyNumber(0), granted, None, lifetimes, ctx.now);
        let subject = admitted.account().subject;
        let sub = self.subject_at(&app.client, subject)?;
        let material = Material { issuer, app, family, subject, claims, refresh_token: None, nonce, narrowed: None };
        let mut id_token = id_token_claims(&material, ctx.now, material.family.expires_at);
        id_token.insert("sub".to_owned(), sub.as_str().into());
        Ok(TrialReport::Released(Box::new(TrialResult {
            person: admitted.account().name.clone(),
            strength: authentication.strength,
            id_token,
            userinfo: crate::userinfo::document(sub, &material.claims),
            scopes: material.family.granted.scopes,
            claims: material.claims,
        })))
    }

    /// What the app would learn about that person right now, without anybody signing in.
    pub fn preview_claims(
        &self,
        ctx: &Context,
        app: &ClientName,
        person: &Username,
        scopes: &Scopes,
    ) -> Result<TrialReport, OpError<Refusal>> {
        self.read(ctx, Need::ManageApps, |op| {
            let absent = |kind, name: &str| OpError::Refused(Refusal::NotFound { kind, name: name.to_owned() });
            let app = self.known.app_by_name(op, app)?.ok_or_else(|| absent("app", app.as_str()))?;
            let account = op.account_by_name(person)?.ok_or_else(|| absent("person", person.as_str()))?;
            // As strong as can be: the question is what is released, not how the person would sign in.
            let admitted = match self.known.admit(op, &app, account.id, (Strength::Passkey, ctx.now))? {
                Ok(admitted) => admitted,
                Err(why) => return Ok(TrialReport::Refused { why: why.to_string() }),
            };
            let scopes = admitted.grantable(scopes);
            let claims = admitted.claims(&scopes, &self.issuer());
            let id_token = claims
                .iter()
                .filter(|one| one.placement.in_id_token())
                .map(|one| (one.name.clone(), one.value.clone()));
            let sub = self.subject_at(&app.client, account.subject)?;
            Ok(TrialReport::Released(Box::new(TrialResult {
                person: account.name,
                strength: Strength::Passkey,
                id_token: id_token.chain([("sub".to_owned(), json!(sub))]).collect(),
                userinfo: crate::userinfo::document(sub, &claims),
                scopes,
                claims,
            })))
        })
    }
}

fn refused(why: CodeRefusal) -> TrialReport {
    TrialReport::Refused { why: TokenRefusal::Code(why).to_string() }
}
