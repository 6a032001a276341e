//! `/keys`: the keys that sign tokens.

use domain::client::Algorithm;
use domain::time::Timestamp;
use service::{Context, Idp, KeyView, Rotation};

use crate::api::{KeyRotated, KeyState, RotateKey, SigningKey};
use crate::http::{Kind, Request, Route};

use super::{Reply, Stop, admin, parse, whole};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/keys", admin!(list)),
    Route::post(Kind::Admin, "/api/v1/keys/rotate", admin!(rotate)),
];

fn list(idp: &Idp, ctx: &Context, _: &Request) -> Result<Reply, Stop> {
    let item = |key: KeyView| SigningKey {
        state: state(&key, ctx.now),
        kid: key.kid,
        algorithm: key.algorithm.to_string(),
        created_at: key.created_at.into(),
        retired_at: key.retired_at.map(Into::into),
        expires_at: key.expires_at.map(Into::into),
    };
    whole(idp.signing_keys(ctx)?.into_iter().map(item).collect())
}

fn state(key: &KeyView, now: Timestamp) -> KeyState {
    match (key.signs, key.retired_at) {
        (true, _) => KeyState::Active,
        (false, Some(at)) if at <= now => KeyState::Retired,
        (false, _) => KeyState::Upcoming,
    }
}

fn rotate(idp: &Idp, ctx: &Context, request: &Request) -> Result<Reply, Stop> {
    let RotateKey { algorithm, emergency } = request.json()?;
    let algorithm: Algorithm = parse("algorithm", &algorithm)?;
    let rotation = if emergency { Rotation::Emergency } else { Rotation::Planned };
    Reply::json(&KeyRotated { kid: idp.rotate_signing_key(ctx, algorithm, rotation)? })
}
