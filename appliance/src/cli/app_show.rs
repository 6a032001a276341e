//! What `latchkey app show` prints of an app.

use domain::name::ClientName;

use super::app::one;
use super::failure::Failure;
use super::output::{cell, yes_no};
use super::shell::Shell;
use super::value::length_text;
use crate::api::{self, ExtraScope};

pub(super) fn show(shell: &mut Shell<'_, '_>, name: &ClientName) -> Result<(), Failure> {
    let value = shell.get(&one(name))?;
    shell.show(value, |app: api::App| {
        let nobody = format!("nobody; let a group in with: latchkey app allow {} GROUP", app.name);
        let mut fields = vec![
            ("client_id".to_owned(), app.name),
            ("display name".to_owned(), app.display_name),
            ("issuer".to_owned(), app.endpoints.issuer),
            ("discovery".to_owned(), app.endpoints.discovery),
            ("scopes".to_owned(), scopes(&app.scopes)),
            ("public".to_owned(), yes_no(app.public)),
            ("allowed groups".to_owned(), if app.allow.is_empty() { nobody } else { app.allow.join(", ") }),
            ("launch URL".to_owned(), app.launch_url.unwrap_or_default()),
        ];
        let keys = app.jwks.as_ref().and_then(|set| Some(format!("{} of its own", set["keys"].as_array()?.len())));
        let until = app.old_secret_until.map(|until| format!("works until {} UTC", until.short()));
        let proofs = [("keys", keys), ("keys at", app.jwks_uri), ("old secret", until), ("acts as", app.acts_as)];
        fields.extend(proofs.into_iter().filter_map(|(what, value)| Some((what.to_owned(), value?))));
        fields.extend(app.redirect_uris.into_iter().map(|uri| ("redirect URI".to_owned(), uri)));
        fields.extend(app.post_logout_redirect_uris.into_iter().map(|uri| ("after sign-out".to_owned(), uri)));
        fields.extend(app.forward_hosts.into_iter().map(|host| ("behind a proxy as".to_owned(), host)));
        let told =
            [("told of sign-outs", app.backchannel_logout_uri), ("policy", app.policy_uri), ("terms", app.terms_uri)];
        fields.extend(told.into_iter().filter_map(|(what, uri)| Some((what.to_owned(), uri?))));
        fields.extend(app.last_backchannel_logout.map(|last| ("last told".to_owned(), told_text(&last))));
        fields.extend([
            ("PKCE".to_owned(), if app.pkce_required { "required" } else { "not required" }.to_owned()),
            ("consent".to_owned(), app.consent),
            ("algorithm".to_owned(), app.algorithm),
            ("access token".to_owned(), length_text(app.access_token_seconds)),
            ("refresh unused".to_owned(), length_text(app.refresh_idle_seconds)),
            ("refresh at most".to_owned(), length_text(app.refresh_seconds)),
            ("access tokens".to_owned(), app.access_token),
            (
                "userinfo".to_owned(),
                app.userinfo_algorithm.map_or_else(|| "JSON".to_owned(), |by| format!("signed, {by}")),
            ),
            ("subject".to_owned(), subject_text(app.subject, app.sector)),
            ("strength".to_owned(), app.strength),
            ("pushed requests".to_owned(), if app.par_required { "required" } else { "possible" }.to_owned()),
            ("DPoP".to_owned(), if app.dpop_required { "required" } else { "possible" }.to_owned()),
            ("device sign-in".to_owned(), yes_no(app.device)),
            ("service accounts".to_owned(), yes_no(app.service_accounts)),
            ("icon".to_owned(), yes_no(app.icon)),
        ]);
        fields.extend(
            app.scopes.into_iter().map(|extra| ("scope".to_owned(), format!("{} for {}", extra.scope, extra.group))),
        );
        fields.extend(app.claims.iter().map(|rule| ("claim".to_owned(), claim_text(rule))));
        fields.extend(app.endpoints.others);
        fields.push(("created".to_owned(), format!("{} UTC", app.created_at.short())));
        fields.push(("changed".to_owned(), format!("{} UTC", app.updated_at.short())));
        fields
    })
}

fn subject_text(subject: String, sector: Option<String>) -> String {
    match sector {
        Some(sector) => format!("{subject}, sector {sector}"),
        None => subject,
    }
}

/// All that the app may ask for.
fn scopes(extra: &[ExtraScope]) -> String {
    let mut names: Vec<&str> = domain::scope::STANDARD.iter().map(|(name, _)| *name).collect();
    for ExtraScope { scope, .. } in extra {
        if !names.contains(&scope.as_str()) {
            names.push(scope);
        }
    }
    names.join(" ")
}

fn told_text(last: &api::LogoutReport) -> String {
    let at = last.at.short();
    match (last.told, &last.why) {
        (true, _) => format!("{at} UTC, it knows"),
        (false, why) => format!("{at} UTC, it does not know: {}", why.as_deref().unwrap_or("no reason was kept")),
    }
}

fn claim_text(rule: &api::ClaimRule) -> String {
    let mut sources: Vec<String> = Vec::new();
    sources.extend(rule.attribute.iter().map(|attribute| format!("attribute {attribute}")));
    sources.extend(rule.values.iter().map(|given| format!("{} -> {}", given.group, cell(&given.value))));
    format!(
        "{} = {} of [{}] in {}",
        rule.name,
        rule.combine,
        sources.join("; "),
        rule.placement.replace("both", "ID token and userinfo")
    )
}
