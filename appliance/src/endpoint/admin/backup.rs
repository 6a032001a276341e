//! `/backups`: copies of the database, for whoever is at the box.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use service::{Context, Idp};

use crate::api::{Backup, BackupMade, MakeBackup, Problem, ProblemCode};
use crate::backup::{self, Trouble};
use crate::http::{App, Kind, Request, Response, Route, handler};

use super::{Reply, Stop, run, whole};

pub(crate) const ROUTES: &[Route] = &[
    Route::get(Kind::Admin, "/api/v1/backups", handler!(list)),
    Route::post(Kind::Admin, "/api/v1/backups", handler!(create)).body(8 * 1024),
];

/// More would only fill the card.
const MOST: u16 = 1000;

async fn list(app: Arc<App>, request: Request) -> Response {
    let folder = backup::usual_folder(&app.config.data_dir);
    run(app, request, move |idp, ctx, _| {
        idp.may_see_backups(ctx)?;
        let found = backup::list(&folder).map_err(|error| unusable(&folder, &error))?;
        let item = |found: backup::Backup| Backup {
            path: folder.join(&found.name).display().to_string(),
            name: found.name,
            bytes: found.bytes,
            at: found.at.into(),
        };
        whole(found.into_iter().map(item).collect())
    })
    .await
}

async fn create(app: Arc<App>, request: Request) -> Response {
    let usual = backup::usual_folder(&app.config.data_dir);
    run(app, request, move |idp, ctx, request| made(idp, ctx, request.json()?, usual)).await
}

fn made(idp: &Idp, ctx: &Context, wanted: MakeBackup, usual: PathBuf) -> Result<Reply, Stop> {
    idp.may_see_backups(ctx)?;
    let MakeBackup { folder, keep } = wanted;
    if keep == 0 || keep > MOST {
        return Err(Problem::new(ProblemCode::Invalid, format!("keep is between 1 and {MOST}")).into());
    }
    let folder = match folder.map(PathBuf::from) {
        None => {
            backup::make_folder(&usual).map_err(stopped)?;
            usual
        }
        // A word that was mistyped shall not become a folder, and the server has no working directory that anybody knows.
        Some(folder) if folder.is_absolute() && folder.is_dir() => folder,
        Some(folder) => {
            let why = format!("the server sees no folder {}", folder.display());
            return Err(Problem::new(ProblemCode::Invalid, why).hint("name one that is there, from / on").into());
        }
    };
    let made = backup::create(idp, ctx, &folder, keep.into()).map_err(stopped)?;
    Reply::json(&BackupMade { path: made.path.display().to_string(), bytes: made.bytes, removed: made.removed })
}

fn stopped(trouble: Trouble) -> Stop {
    match trouble {
        Trouble::Folder(folder, error) => unusable(&folder, &error),
        Trouble::Op(error) => error.into(),
    }
}

fn unusable(folder: &Path, error: &io::Error) -> Stop {
    let full = error.kind() == io::ErrorKind::StorageFull;
    let code = if full { ProblemCode::DiskFull } else { ProblemCode::Conflict };
    Problem::new(code, format!("the server cannot use {}: {error}", folder.display())).into()
}
