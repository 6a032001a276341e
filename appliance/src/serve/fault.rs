//! A server without its data. When the data partition is not mounted, or the database of a house with an owner is gone, what a new
//! box would show must not be shown: whoever came first would claim a house that somebody lives in. So nothing is opened or made,
//! and every address answers in plain words what is wrong, until it is mended.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::indicator::{Active, FaultReason, Indicator};
use futures_lite::FutureExt;
use rustls::crypto::ring as provider;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use serde::Serialize;
use smol::Executor;

use super::{CONTROL_CONNECTIONS, Desk, ServeError, Setup, Stop, open_control, open_plain, open_tls, supervisor};
use crate::api::{self, Problem, ProblemCode};
use crate::config::Config;
use crate::endpoint;
use crate::http::{App, Kind, Request, Response, Route, Router, Table, Transport, handler};
use crate::listen::{self, Floor, Gate, Handed, HandedError, Site};
use crate::panel::health;
use crate::system;

/// Says that the house has an owner, beside the database that says it too.
const CLAIMED: &str = "claimed";
/// How often somebody may have mended it.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What keeps the household from being opened, if anything.
pub(super) fn found(config: &Config) -> Option<FaultReason> {
    if config.data_mount.as_deref().is_some_and(|path| !is_mounted(path)) {
        return Some(FaultReason::DataPartition);
    }
    let lost = config.data_dir.join(CLAIMED).exists() && !config.database().exists();
    lost.then_some(FaultReason::Database)
}

/// Whether a house without an owner lies where one with an owner was: the database is an older or another one. What a new box
/// would show must not be shown then either.
/// Answers the file that says so.
pub(super) fn owner_is_lost(desk: &Desk) -> Option<PathBuf> {
    let marker = desk.app.config.data_dir.join(CLAIMED);
    (!desk.claimed() && marker.exists()).then_some(marker)
}

/// Whether a file system of its own is mounted there; a folder that cannot be looked at is none.
fn is_mounted(path: &Path) -> bool {
    let (Ok(here), Ok(above)) = (fs::symlink_metadata(path), fs::metadata(path.join(".."))) else { return false };
    here.is_dir() && (here.dev() != above.dev() || here.ino() == above.ino())
}

/// Notes in the data directory that the house has an owner, so that a database that is gone is never taken for a new box.
pub(super) fn mark_claimed(data_dir: &Path) -> io::Result<()> {
    let path = data_dir.join(CLAIMED);
    if path.exists() {
        return Ok(());
    }
    File::create(path)?.sync_all()?;
    File::open(data_dir)?.sync_all()
}

/// Serves the words until it is mended or the server stops.
pub(super) fn serve(config: &Config, handed: &Handed, reason: FaultReason, stop: &Stop) -> Result<(), ServeError> {
    let state = Indicator::Fault(reason);
    tracing::error!(state = state.name(), text = state.text(), "the household is not opened");
    let (setup, executor) = (Setup::real(config.clone())?, Arc::new(Executor::new()));
    let desk = open(setup, reason)?;
    let tls = listen::server_config(certificate(config)?).map_err(ServeError::Handshakes)?;
    let listeners = open_tls(handed, config)?;
    let plain = open_plain(handed, config)?;
    let is_handed = handed.control().map_err(HandedError::from)?.is_some();
    let control = match is_handed || control_is_elsewhere(config) {
        true => Some(open_control(handed, &config.socket())?),
        false => None,
    };
    let (ended, over) = smol::channel::bounded(1);
    let floor = Arc::new(Floor { site: Arc::clone(&desk.site), executor: Arc::clone(&executor), stop: over });
    let limits = &config.limits;
    let gate = Arc::new(Gate::new(limits.connections, limits.per_peer));
    for listener in listeners {
        let accept = listen::accept_tls(Arc::clone(&floor), listener, Arc::clone(&tls), Arc::clone(&gate));
        executor.spawn(accept).detach();
    }
    for listener in plain {
        // The same words: nothing of them is secret, and nothing that a browser sends is looked at.
        let clear =
            Arc::new(Floor { site: in_the_clear(&desk), executor: Arc::clone(&executor), stop: floor.stop.clone() });
        executor.spawn(listen::accept_plain(clear, listener, Arc::clone(&gate))).detach();
    }
    if let Some(control) = control {
        let gate = Arc::new(Gate::new(CONTROL_CONNECTIONS, CONTROL_CONNECTIONS));
        executor.spawn(listen::accept_control(floor, control, gate)).detach();
    }
    executor.spawn(supervisor::keep_alive(Arc::clone(&desk.app))).detach();
    // Who waits for the server has nothing to wait for: what it has to say is served.
    supervisor::ready(&state.text());
    let stopped = async {
        let _ = stop.0.recv().await;
        supervisor::stopping();
    };
    let mended = async {
        while found(config) == Some(reason) {
            system::after(LOOK_EVERY).await;
        }
    };
    async_io::block_on(executor.run(stopped.or(mended)));
    drop(ended);
    Ok(())
}

/// What answers: a household in memory that nobody can reach, behind a table without a way to it.
fn open(setup: Setup, reason: FaultReason) -> Result<Desk, ServeError> {
    let desk = Desk::with_routes(Setup { in_memory: true, ..setup }, ROUTES)?;
    desk.app.health.saw(Active::NONE.with(Indicator::Fault(reason)));
    Ok(desk)
}

fn in_the_clear(desk: &Desk) -> Arc<Site> {
    let router = Router::new(Arc::clone(&desk.app), PAGES, Transport::Tls);
    Arc::new(Site::new(router, desk.site.timeouts.clone()))
}

/// Below the place where the data belongs nothing may be made while it is not there.
fn control_is_elsewhere(config: &Config) -> bool {
    config.data_mount.as_deref().is_none_or(|mount| !config.socket().starts_with(mount) || is_mounted(mount))
}

/// One that nobody trusts: those that somebody trusts lie with the data.
fn certificate(config: &Config) -> Result<Arc<SingleCertAndKey>, ServeError> {
    let strange = |error: &dyn std::fmt::Display| ServeError::Handshakes(rustls::Error::General(error.to_string()));
    let host = config.names().host.unwrap_or_else(domain::host::Host::provisional);
    let key = rcgen::KeyPair::generate().map_err(|error| strange(&error))?;
    let params = rcgen::CertificateParams::new(vec![host.to_string()]).map_err(|error| strange(&error))?;
    let made = params.self_signed(&key).map_err(|error| strange(&error))?;
    let private = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
    let certified = CertifiedKey::from_der(vec![made.der().clone()], private, &provider::default_provider());
    Ok(Arc::new(SingleCertAndKey::from(certified.map_err(ServeError::Handshakes)?)))
}

const PAGES: Table =
    &[&[Route::get(Kind::Public, "/", handler!(page)), Route::get(Kind::Public, "/*path", handler!(page))]];

const ROUTES: Table = &[
    endpoint::admin::panel::ROUTES,
    &[
        Route::get(Kind::Admin, "/api/v1/status", handler!(status)),
        Route::get(Kind::Admin, "/api/v1/health", handler!(status)),
        Route::get(Kind::Public, "/health", handler!(health)),
        Route::get(Kind::Public, "/", handler!(page)),
        Route::get(Kind::Public, "/*path", handler!(page)),
    ],
];

/// What is wrong, as the LED says it.
async fn state(app: &App) -> api::Panel {
    health::panel(app).await
}

async fn page(app: Arc<App>, _: Request) -> Response {
    let text = format!(
        "{}.\n\nNobody can sign in, and nothing was changed. Who looks after this box finds more in its log.",
        state(&app).await.text
    );
    Response::text(503, text).header("Cache-Control", "no-store").header("Retry-After", "60")
}

async fn health(app: Arc<App>, _: Request) -> Response {
    #[derive(Serialize)]
    struct Health {
        status: &'static str,
        store: &'static str,
        fault: String,
        text: String,
    }
    let api::Panel { state, text, .. } = state(&app).await;
    let health = Health { status: "failed", store: "missing", fault: state, text };
    Response::json(503, &health).header("Cache-Control", "no-store")
}

async fn status(app: Arc<App>, _: Request) -> Response {
    endpoint::admin::render(&Problem::new(ProblemCode::Fault, state(&app).await.text))
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::super::{Via, stop};
    use super::*;
    use crate::testing::Folder;

    fn config(folder: &Folder) -> Config {
        let mut config = Config::parse("listen = [\"127.0.0.1:0\"]").unwrap();
        config.data_dir = folder.path().join("latchkey");
        config
    }

    fn ask(desk: &Desk, via: Via, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: latchkey.local\r\nconnection: close\r\n\r\n");
        String::from_utf8(desk.exchange(via, request.as_bytes())).unwrap()
    }

    #[test]
    fn a_folder_is_no_mounted_partition() {
        let folder = Folder::new();
        let mut config = config(&folder);
        assert_eq!(found(&config), None);
        for (mount, expected) in [("/", None), ("/proc", None), ("/nowhere", Some(FaultReason::DataPartition))] {
            config.data_mount = Some(mount.into());
            assert_eq!(found(&config), expected, "{mount}");
        }
        config.data_mount = Some(folder.path().to_owned());
        assert_eq!(found(&config), Some(FaultReason::DataPartition));
    }

    #[test]
    fn a_house_with_an_owner_and_without_its_database_is_no_new_house() {
        let folder = Folder::new();
        let config = config(&folder);
        fs::create_dir_all(&config.data_dir).unwrap();
        assert_eq!(found(&config), None);
        mark_claimed(&config.data_dir).unwrap();
        mark_claimed(&config.data_dir).unwrap();
        assert_eq!(found(&config), Some(FaultReason::Database));
        fs::write(config.database(), "").unwrap();
        assert_eq!(found(&config), None);
    }

    #[test]
    fn a_box_without_its_data_says_so_everywhere_and_shows_no_claim() {
        let folder = Folder::new();
        let desk = open(Setup::real(config(&folder)).unwrap(), FaultReason::DataPartition).unwrap();
        let network = Via::Network(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)));
        for path in ["/", "/setup", "/setup/begin", "/sign-in", "/health", "/.well-known/openid-configuration"] {
            let answer = ask(&desk, network, path);
            assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("Fault 2"), "{path}: {answer}");
            assert!(!answer.contains("<form"));
        }
        let status = ask(&desk, Via::Console, "/api/v1/status");
        assert!(status.starts_with("HTTP/1.1 500") && status.contains("Fault 2"), "{status}");
        let panel = ask(&desk, Via::Console, "/api/v1/panel");
        assert!(panel.contains("fault-data-partition") && !panel.contains("unclaimed"), "{panel}");
    }

    #[test]
    fn nothing_is_made_where_the_data_belongs() {
        let folder = Folder::new();
        let mut config = config(&folder);
        config.data_mount = Some(folder.path().to_owned());
        let (stopper, stop) = stop();
        drop(stopper);
        serve(&config, &Handed::default(), FaultReason::DataPartition, &stop).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_mended_is_served_again() {
        let folder = Folder::new();
        let config = config(&folder);
        let (_stopper, stop) = stop();
        serve(&config, &Handed::default(), FaultReason::Database, &stop).unwrap();
    }
}
