//! `/apps`.

use std::fmt::Display;
use std::str::FromStr;

use domain::client::{Client, ClientKeys};
use domain::jwk::{JwkError, JwkSet, MAX_JWKS};
use domain::name::{ClientName, GroupName};
use domain::scope::Scope;
use domain::time::Span;
use serde_json::{Map, Value};
use service::{
    AppAmendment, AppKind, AppView, Change, ClaimRuleView, Context, Idp, MAX_PICTURE_BYTES, OpError, Refusal,
};

use crate::api::{
    App, AppCreated, AppItem, AppPatch, AppSecret, ClaimRule, Complaint, Diagnosis, Effect, Endpoints, ExtraScope,
    Finding, GroupValue, LogoutReport, NewApp, Patch, RotateSecret, Time,
};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, changed, effect, param, parse, query, whole};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/apps", admin!(list)),
    Route::post(Kind::Admin, "/api/v1/apps", admin!(create)),
    Route::get(Kind::Admin, "/api/v1/apps/:name", admin!(show)),
    Route::patch(Kind::Admin, "/api/v1/apps/:name", admin!(set)),
    Route::delete(Kind::Admin, "/api/v1/apps/:name", admin!(delete)),
    Route::get(Kind::Admin, "/api/v1/apps/:name/doctor", admin!(doctor)),
    Route::post(Kind::Admin, "/api/v1/apps/:name/secret", admin!(rotate_secret)),
    Route::put(Kind::Admin, "/api/v1/apps/:name/groups/:group", admin!(allow)),
    Route::delete(Kind::Admin, "/api/v1/apps/:name/groups/:group", admin!(deny)),
    Route::put(Kind::Admin, "/api/v1/apps/:name/scopes", admin!(add_scope)),
    Route::delete(Kind::Admin, "/api/v1/apps/:name/scopes", admin!(remove_scope)),
    Route::put(Kind::Admin, "/api/v1/apps/:name/claims", admin!(set_claim)),
    Route::delete(Kind::Admin, "/api/v1/apps/:name/claims", admin!(remove_claim)),
    Route::put(Kind::Admin, "/api/v1/apps/:name/icon", admin!(set_icon)).body(MAX_PICTURE_BYTES),
    Route::delete(Kind::Admin, "/api/v1/apps/:name/icon", admin!(remove_icon)),
];

fn name(request: &Request) -> Result<ClientName, Stop> {
    param(request, "name")
}

fn list(idp: &Idp, ctx: &Context, _: &Request) -> Result<Reply, Stop> {
    let item = |app: service::AppItem| AppItem {
        public: app.client.is_public(),
        name: app.client.name.into(),
        display_name: app.client.display_name.into(),
        launch_url: text(&app.client.settings.launch_url),
        allow: names(&app.access),
    };
    whole(idp.list_apps(ctx)?.into_iter().map(item).collect())
}

fn names(groups: &[GroupName]) -> Vec<String> {
    groups.iter().map(GroupName::to_string).collect()
}

fn show(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let view = idp.show_app(ctx, &name(request)?)?;
    let AppView { client, access, scopes, claims, has_icon, acts_as, last_logout } = view;
    let Client { settings, .. } = &client;
    Reply::json(&App {
        public: client.is_public(),
        pkce_required: client.requires_pkce(),
        launch_url: text(&settings.launch_url),
        redirect_uris: texts(&settings.redirect_uris),
        consent: settings.consent.to_string(),
        algorithm: settings.algorithm.to_string(),
        access_token_seconds: settings.lifetimes.access().as_seconds(),
        refresh_idle_seconds: settings.lifetimes.refresh_idle().as_seconds(),
        refresh_seconds: settings.lifetimes.refresh_absolute().as_seconds(),
        post_logout_redirect_uris: texts(&settings.post_logout_redirect_uris),
        backchannel_logout_uri: text(&settings.backchannel_logout_uri),
        par_required: settings.par_required,
        access_token: settings.access_token.to_string(),
        dpop_required: settings.dpop_required,
        userinfo_algorithm: text(&settings.userinfo),
        subject: settings.subject.to_string(),
        sector: text(&settings.sector),
        strength: settings.strength.to_string(),
        device: settings.device,
        policy_uri: text(&settings.policy_uri),
        terms_uri: text(&settings.terms_uri),
        jwks: match &settings.keys {
            Some(ClientKeys::Jwks(set)) => Some(set.clone().into()),
            Some(ClientKeys::JwksUri(_)) | None => None,
        },
        jwks_uri: match &settings.keys {
            Some(ClientKeys::JwksUri(uri)) => Some(uri.to_string()),
            Some(ClientKeys::Jwks(_)) | None => None,
        },
        acts_as: text(&acts_as),
        service_accounts: settings.service_accounts,
        old_secret_until: client
            .retired_secret
            .map(|(_, until)| until)
            .filter(|until| ctx.now < *until)
            .map(Time::from),
        forward_hosts: texts(&settings.forward_hosts),
        allow: names(&access),
        scopes: scopes.into_iter().map(extra_scope).collect(),
        claims: claims.into_iter().map(claim_rule).collect(),
        icon: has_icon,
        last_backchannel_logout: last_logout.map(|last| LogoutReport {
            at: last.at.into(),
            told: last.trouble.is_none(),
            why: last.trouble,
        }),
        created_at: client.created_at.into(),
        updated_at: client.updated_at.into(),
        endpoints: endpoints(idp),
        name: client.name.into(),
        display_name: client.display_name.into(),
    })
}

fn text(value: &Option<impl ToString>) -> Option<String> {
    value.as_ref().map(ToString::to_string)
}

fn texts(values: &[impl ToString]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn extra_scope((group, scope): (GroupName, Scope)) -> ExtraScope {
    ExtraScope { group: group.into(), scope: scope.to_string() }
}

fn claim_rule(rule: ClaimRuleView) -> ClaimRule {
    ClaimRule {
        name: rule.name.as_str().to_owned(),
        attribute: rule.attribute,
        values: rule.values.into_iter().map(|(group, value)| GroupValue { group: group.into(), value }).collect(),
        combine: rule.combine.to_string(),
        placement: rule.placement.to_string(),
    }
}

fn endpoints(idp: &Idp) -> Endpoints {
    let issuer = idp.issuer();
    let document: Map<String, Value> = serde_json::from_slice(&service::discovery(&issuer)).unwrap_or_default();
    let is_address = |name: &str| name.ends_with("_endpoint") || name == "jwks_uri";
    let others = document.into_iter().filter(|(name, _)| is_address(name));
    let others = others.filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect();
    Endpoints { discovery: format!("{issuer}/.well-known/openid-configuration"), issuer, others }
}

/// Makes an app, or makes one that is there like it where that was asked for; its secret stays the same then.
fn create(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let NewApp { name, public, set, or_update } = request.json()?;
    let name: ClientName = parse("name", &name)?;
    let kind = if public { AppKind::Public } else { AppKind::Confidential };
    let amendment = amendment(set)?;
    let (change, secret) = match idp.create_app(ctx, &name, kind, &amendment) {
        Ok(made) => (Effect::Created, made.secret),
        Err(OpError::Refused(Refusal::Exists { .. })) if or_update => {
            if idp.show_app(ctx, &name)?.client.is_public() != public {
                let why = "an app that is there already cannot become public or cease to be; delete it first";
                return Err(OpError::Refused(Refusal::Conflict(why.to_owned())).into());
            }
            (effect(idp.set_app(ctx, &name, &amendment)?), None)
        }
        Err(error) => return Err(error.into()),
    };
    let client_secret = secret.map(|secret| secret.expose().clone());
    Reply::json(&AppCreated { change, client_id: name.into(), client_secret, endpoints: endpoints(idp) })
}

fn doctor(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let service::Diagnosis { findings, complaints } = idp.diagnose_app(ctx, &name(request)?)?;
    let finding = |service::Finding { text, cure }| Finding { text, cure };
    let complaint = |complaint: service::Complaint| Complaint {
        at: complaint.at.into(),
        times: complaint.times,
        step: complaint.step.as_str().to_owned(),
        parameter: complaint.parameter,
        expected: complaint.expected,
        came: complaint.came,
        cure: complaint.cure,
    };
    Reply::json(&Diagnosis {
        findings: findings.into_iter().map(finding).collect(),
        refused: complaints.into_iter().map(complaint).collect(),
    })
}

fn set(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let patch: AppPatch = request.json()?;
    changed(idp.set_app(ctx, &name(request)?, &amendment(patch)?)?)
}

fn delete(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.delete_app(ctx, &name(request)?)?)
}

fn rotate_secret(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    // Without a body, as it was before there was anything to say.
    let RotateSecret { keep_old_seconds } =
        if request.body.is_empty() { RotateSecret::default() } else { request.json()? };
    let secret = idp.rotate_app_secret(ctx, &name(request)?, keep_old_seconds.map(Span::seconds))?;
    Reply::json(&AppSecret { client_secret: secret.expose().clone() })
}

fn allow(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.allow_group(ctx, &name(request)?, &param(request, "group")?)?)
}

fn deny(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.deny_group(ctx, &name(request)?, &param(request, "group")?)?)
}

fn add_scope(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let (group, scope) = scope(request)?;
    changed(idp.add_scope(ctx, &name(request)?, &group, &scope)?)
}

fn remove_scope(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let (group, scope) = scope(request)?;
    changed(idp.remove_scope(ctx, &name(request)?, &group, &scope)?)
}

fn scope(request: &Request) -> Result<(GroupName, Scope), Stop> {
    let ExtraScope { group, scope } = request.json()?;
    Ok((parse("group", &group)?, parse("scope", &scope)?))
}

fn set_claim(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let ClaimRule { name: claim, attribute, values, combine, placement } = request.json()?;
    let value = |GroupValue { group, value }| Ok((parse("group", &group)?, value));
    let rule = ClaimRuleView {
        name: parse("claim", &claim)?,
        combine: parse("combine", &combine)?,
        placement: parse("placement", &placement)?,
        attribute,
        values: values.into_iter().map(value).collect::<Result<_, Stop>>()?,
    };
    changed(idp.set_claim(ctx, &name(request)?, &rule)?)
}

/// The claim's name comes in the query: it may be any text.
fn remove_claim(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let Some(claim) = query(request, "name")? else {
        return Err(super::parse_failed("name", "is missing from the query"));
    };
    changed(idp.remove_claim(ctx, &name(request)?, claim)?)
}

fn set_icon(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    changed(idp.set_app_icon(ctx, &name(request)?, &request.body)?)
}

fn remove_icon(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let change: Change = idp.remove_app_icon(ctx, &name(request)?)?;
    changed(change)
}

fn amendment(patch: AppPatch) -> Result<AppAmendment, Stop> {
    Ok(AppAmendment {
        display_name: one("display_name", patch.display_name)?,
        launch_url: clearable("launch_url", patch.launch_url)?,
        redirect_uris: all("redirect_uri", patch.redirect_uris)?,
        pkce_required: patch.pkce_required,
        consent: one("consent", patch.consent)?,
        algorithm: one("algorithm", patch.algorithm)?,
        access: patch.access_token_seconds.map(Span::seconds),
        refresh_idle: patch.refresh_idle_seconds.map(Span::seconds),
        refresh_absolute: patch.refresh_seconds.map(Span::seconds),
        post_logout_redirect_uris: all("post_logout_redirect_uri", patch.post_logout_redirect_uris)?,
        backchannel_logout_uri: clearable("backchannel_logout_uri", patch.backchannel_logout_uri)?,
        par_required: patch.par_required,
        access_token: one("access_token", patch.access_token)?,
        dpop_required: patch.dpop_required,
        userinfo: clearable("userinfo_algorithm", patch.userinfo_algorithm)?,
        subject: one("subject", patch.subject)?,
        sector: clearable("sector", patch.sector)?,
        strength: one("strength", patch.strength)?,
        device: patch.device,
        policy_uri: clearable("policy_uri", patch.policy_uri)?,
        terms_uri: clearable("terms_uri", patch.terms_uri)?,
        keys: keys(patch.jwks, patch.jwks_uri)?,
        acts_as: clearable("acts_as", patch.acts_as)?,
        service_accounts: patch.service_accounts,
        forward_hosts: all("forward_host", patch.forward_hosts)?,
        ..AppAmendment::default()
    })
}

/// One takes the place of the other; both at once are no wish.
fn keys(jwks: Patch<Value>, uri: Patch<String>) -> Result<Option<Option<ClientKeys>>, Stop> {
    match (jwks, uri) {
        (Patch::Set(_), Patch::Set(_)) => {
            Err(super::parse_failed("jwks", "and jwks_uri cannot both be given; choose one"))
        }
        (Patch::Set(set), Patch::Keep | Patch::Clear) => {
            if set.to_string().len() > MAX_JWKS {
                return Err(super::parse_failed("jwks:", &JwkError::TooMuch.to_string()));
            }
            let set = JwkSet::given(&set).map_err(|why| super::parse_failed("jwks:", &why.to_string()))?;
            Ok(Some(Some(ClientKeys::Jwks(set))))
        }
        (Patch::Keep | Patch::Clear, Patch::Set(uri)) => Ok(Some(Some(ClientKeys::JwksUri(parse("jwks_uri", &uri)?)))),
        (Patch::Clear, Patch::Keep | Patch::Clear) | (Patch::Keep, Patch::Clear) => Ok(Some(None)),
        (Patch::Keep, Patch::Keep) => Ok(None),
    }
}

fn one<T: FromStr<Err: Display>>(what: &'static str, value: Option<String>) -> Result<Option<T>, Stop> {
    value.map(|value| parse(what, &value)).transpose()
}

fn all<T: FromStr<Err: Display>>(what: &'static str, values: Option<Vec<String>>) -> Result<Option<Vec<T>>, Stop> {
    values.map(|values| values.iter().map(|value| parse(what, value)).collect()).transpose()
}

/// `Some(None)` takes it away.
fn clearable<T: FromStr<Err: Display>>(what: &'static str, value: Patch<String>) -> Result<Option<Option<T>>, Stop> {
    Ok(match value {
        Patch::Keep => None,
        Patch::Clear => Some(None),
        Patch::Set(value) => Some(Some(parse(what, &value)?)),
    })
}
