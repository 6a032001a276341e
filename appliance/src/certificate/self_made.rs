//! A certificate that signs itself: nobody trusts it, but the talk is encrypted.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::time::{Duration, SystemTime};

use domain::host::Host;
use domain::time::{Span, Timestamp};
use rcgen::{CertificateParams, DnType, KeyPair};

use super::files::{TlsError, stamp, write_private};
use crate::config::{Config, Tls};

/// A self-made certificate is made anew at a start after this time, long before it ends.
const RENEW: Span = Span::days(365);
/// How long a self-made certificate is good: what Apple's systems accept at most.
const LIFE: Span = Span::days(820);

/// The files of the self-made certificate for this host.
pub(super) fn self_made(config: &Config, host: &Host, now: Timestamp) -> Result<Tls, TlsError> {
    let folder = config.data_dir.join("tls");
    let files = Tls {
        certificate: folder.join(format!("self-made-{host}.crt")),
        key: folder.join(format!("self-made-{host}.key")),
    };
    if stamp(&files).is_some_and(|(_, written)| written > moment(now - RENEW)) {
        return Ok(files);
    }
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(|error| TlsError::new(&folder, error))?;
    let (certificate, key) = make(host.as_str(), now).map_err(|error| TlsError::new(&files.certificate, error))?;
    write_private(&files.key, &key)?;
    write_private(&files.certificate, &certificate)?;
    Ok(files)
}

fn moment(time: Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.unix()).unwrap_or(0))
}

pub(super) fn make(host: &str, now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(vec![host.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, host);
    if let (Some((y1, m1, d1)), Some((y2, m2, d2))) = (day(now - Span::days(1)), day(now + LIFE)) {
        params.not_before = rcgen::date_time_ymd(y1, m1, d1);
        params.not_after = rcgen::date_time_ymd(y2, m2, d2);
    }
    let certificate = params.self_signed(&key)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Year, month and day in UTC, as rcgen wants them.
fn day(time: Timestamp) -> Option<(i32, u8, u8)> {
    let moment = jiff::Timestamp::from_second(time.unix()).ok()?;
    let date = jiff::tz::TimeZone::UTC.to_datetime(moment).date();
    Some((date.year().into(), u8::try_from(date.month()).ok()?, u8::try_from(date.day()).ok()?))
}
