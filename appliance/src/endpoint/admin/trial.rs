//! `/apps/:name/trials` and `/apps/:name/preview`: what an app learns, and why.

use domain::name::ClientName;
use domain::redirect_uri::RedirectUri;
use domain::scope::Scopes;
use service::{Context, Idp};

use crate::api::{FinishTrial, NewTrial, Provenance, Trial, TrialReport, TrialResult};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, param, parse, parse_failed, query};

pub(crate) const ROUTES: &[Route] = &[
    Route::post(Kind::Admin, "/api/v1/apps/:name/trials", admin!(begin)),
    Route::post(Kind::Admin, "/api/v1/apps/:name/trials/finish", admin!(finish)),
    Route::get(Kind::Admin, "/api/v1/apps/:name/preview", admin!(preview)),
];

fn begin(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let app: ClientName = param(request, "name")?;
    let NewTrial { redirect_uri, scope } = request.json()?;
    let redirect_uri: RedirectUri = parse("redirect_uri", &redirect_uri)?;
    let begun = idp.begin_trial(ctx, &app, &redirect_uri, &parse::<Scopes>("scope", &scope)?)?;
    Reply::json(&Trial { trial: begun.trial, url: begun.url, state: begun.state })
}

fn finish(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let FinishTrial { trial, code } = request.json()?;
    report(idp.finish_trial(ctx, &trial, code.as_deref())?)
}

fn preview(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let Some(person) = query(request, "person")? else {
        return Err(parse_failed("person", "is missing from the query"));
    };
    let scopes: Scopes = parse("scope", query(request, "scope")?.unwrap_or("openid"))?;
    report(idp.preview_claims(ctx, &param(request, "name")?, &parse("person", person)?, &scopes)?)
}

fn report(report: service::TrialReport) -> Result<Reply, Stop> {
    Reply::json(&match report {
        service::TrialReport::Refused { why } => TrialReport::Refused { why },
        service::TrialReport::Released(result) => {
            let service::TrialResult { person, strength, scopes, id_token, userinfo, claims } = *result;
            let provenance =
                |claim: domain::claim::Released| Provenance { rule: claim.provenance.to_string(), claim: claim.name };
            TrialReport::Released(Box::new(TrialResult {
                person: person.into(),
                strength: strength.to_string(),
                scope: scopes.to_string(),
                id_token,
                userinfo,
                provenance: claims.into_iter().map(provenance).collect(),
            }))
        }
    })
}
