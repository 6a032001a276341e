//! SSH public keys (RFC 4253 section 6.6, the one-line format of OpenSSH).

use std::fmt;
use std::str::FromStr;

use ssh_key::{HashAlg, PublicKey};

use crate::name::Label;
use crate::time::Timestamp;

/// Most bytes of a key as pasted; an RSA key of 16,384 bits has 2,800.
pub const MAX_KEY: usize = 4096;
/// Most keys of one account: sshd reads them all at each sign-in.
pub const MAX_KEYS: usize = 32;
/// The weakest RSA key that is taken, in bits (what OpenSSH takes by default is weaker).
pub const MIN_RSA_BITS: u32 = 2048;

/// A key as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    /// `SHA256:` and the digest in base64, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// What its owner calls it.
    pub label: Label,
    /// Algorithm and key, ready for `authorized_keys`; without comment and options.
    pub public_key: String,
    /// When it was added.
    pub created_at: Timestamp,
}

/// A key that was pasted, found good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedKey {
    /// As in `SshKey`.
    pub fingerprint: String,
    /// As in `SshKey`.
    pub public_key: String,
    /// The comment behind the key where it makes a label: often `anna@laptop`.
    pub comment: Option<Label>,
}

/// Why a key was not taken. `Display` says what to do instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SshKeyError {
    /// More than `MAX_KEY`.
    TooLong,
    /// A private key, which has now been shown to somebody.
    Private,
    /// Several lines.
    Lines,
    /// Not a public key.
    Malformed,
    /// A kind that is not taken.
    Kind,
    /// An RSA key of so few bits.
    Weak(u32),
}

impl fmt::Display for SshKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => {
                write!(f, "a public key has at most {MAX_KEY} characters; paste one line of the .pub file")
            }
            Self::Private => f.write_str(
                "this is a private key; it should not have left your computer, so make a new one with \
                 ssh-keygen -t ed25519 and paste the .pub file",
            ),
            Self::Lines => f.write_str("paste one key at a time, on one line"),
            Self::Malformed => f.write_str(
                "this is not an SSH public key; paste the line of the .pub file, which begins with ssh-ed25519 or so",
            ),
            Self::Kind => f.write_str("this kind of key is not taken; make one with ssh-keygen -t ed25519"),
            Self::Weak(bits) => write!(
                f,
                "an RSA key of {bits} bits is too weak (at least {MIN_RSA_BITS}); make one with ssh-keygen -t ed25519"
            ),
        }
    }
}

impl std::error::Error for SshKeyError {}

impl FromStr for ParsedKey {
    type Err = SshKeyError;

    fn from_str(raw: &str) -> Result<Self, SshKeyError> {
        let text = raw.trim();
        if text.contains("PRIVATE KEY") {
            return Err(SshKeyError::Private);
        }
        if text.len() > MAX_KEY {
            return Err(SshKeyError::TooLong);
        }
        if text.contains(['\n', '\r']) {
            return Err(SshKeyError::Lines);
        }
        let key = PublicKey::from_openssh(text).map_err(|_| SshKeyError::Malformed)?;
        let data = key.key_data();
        if let Some(rsa) = data.rsa() {
            if rsa.key_size() < MIN_RSA_BITS {
                return Err(SshKeyError::Weak(rsa.key_size()));
            }
        } else if !(data.is_ed25519() || data.is_ecdsa() || data.is_sk_ed25519() || data.is_sk_ecdsa_p256()) {
            return Err(SshKeyError::Kind);
        }
        let comment = key.comment().as_str().ok().and_then(|text| text.parse().ok());
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let public_key = PublicKey::new(data.clone(), "").to_openssh().map_err(|_| SshKeyError::Malformed)?;
        Ok(Self { fingerprint, public_key: public_key.trim_end().to_owned(), comment })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGMBwr0iwjSCUcqCo/WXRpnhgJKINJyTaazk+t1zt1UY";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAQQMRNaSqFDdX4uzRt4jqqE2piLP6z4c9CABOuTHF7NNLn5Egg/aULA0BYfB4NLGAmTUyvZwwb2ggO7F8enuiA=";
    const RSA_2048: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDUzwvPV4VcLnzVlRYWCiB5MTMAG8W6h365k6MECaDAo5sUJ4lMQbVIl38xbg15meLsPI0LeYpn2UYhBlUx+efFS/hstxSgrfQhh7vWOt66eDwFcbkWKm+QqVSD6noATPYIX9pKG8p43opDqS/NCKCXGdcvEaUvzT1PTBUGD1zkVIiajipSUQFyrTCZo7tEqT6MBigh+nUidSUnkiCEo79lQ1Ndpnw9BTSMSryhQw9y5aQOdiTBV5sm1iVqBPMLR8qTtgwrDa3Ztbw2wcL+E0IOHGcv73djumkk6VnLjdL6qWwvp7csE66rbjW1NoApCATqiqLwDNVG9MUMnPSptgfP";
    const RSA_1024: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDV2ivzC/be9ho4bLok8uYPJkAURPElvC0WsMsPa8TLtChw6FO9JQWmbaoMR/hAr8evYJHnnGRNJYACvnYNFr3N/qNjIyTEBjX6ze/WaaRj07yd58dXXIpxbcbzusOUsPbJ4NGOMezcfct3+9597uLREaDNV5OAcSGnPJr64c89lQ==";
    const DSA: &str = "ssh-dss AAAAB3NzaC1kc3MAAACBALpsoyOWUelkvGkxGSFAbf93/2k1KVLJyODtLypyCU3h7Pke/Kon6SA9IByS3HC6Th2K110DBSN3JpGHkcz4bcEmLGMuqKcLQBzY5bSIV5NxiDnVhrDPu8IM9qvB3DWIaR7z8OdcjMMcXLEvd8tQy4ivW77OdPry9EAxwJ/Z+vcFAAAAFQC7cJ2poK3U73tqAR1kmtervJaozQAAAIBFBS1IDfWFxxHJz10Q8sWk/tVbMI+YCrMcMPiRrS3AG6n6KevMYGtTsrs1DJ7BlBPDWkb1hqsb31NTVdB1ELjVH9qUC6dLZg/RDYpXuEtOW1P5wdlo+r7rqbon7NAqJpz1wYC9r7g6N9IWr8dO9Z8piej/ZyzHx7SCmjj7jeM6/QAAAIArWTYRpvb/Go15Vl/5e4+gwORCDtFabRrkAwitc1/qBqKtF8/hpngeKDmpQPUB/1FDjmQhVp5tXDyHo1YmpQ+aiJcpG62i7sxMc0ktqLSDBQ/M2QQ1D/mc/vaHlQBQM/y9fJZ+loL6nRsXxJCqQpb3+cMe1RgeHeOsD8qcL8TSkg==";

    fn parse(raw: &str) -> Result<ParsedKey, SshKeyError> {
        raw.parse()
    }

    #[test]
    fn a_key_has_the_fingerprint_that_ssh_keygen_shows() {
        let key = parse(&format!("  {ED25519} anna@laptop\n")).unwrap();
        assert_eq!(key.fingerprint, "SHA256:wZGG/TCW/06C1i7elbmGEocuWZ9NzyOFETa3mEqHKag");
        assert_eq!(key.public_key, ED25519);
        assert_eq!(key.comment.unwrap().as_str(), "anna@laptop");
        assert_eq!(parse(RSA_2048).unwrap().fingerprint, "SHA256:ISpkmknhOTh0U/jsSiRWx529TuQS/stkVpRkNerIF1k");
        assert!(parse(ECDSA).is_ok());
    }

    #[test]
    fn a_comment_that_makes_no_label_is_dropped() {
        assert_eq!(parse(ED25519).unwrap().comment, None);
        assert_eq!(parse(&format!("{ED25519} {}", "x".repeat(300))).unwrap().comment, None);
    }

    #[test]
    fn a_weak_or_old_key_is_refused() {
        assert_eq!(parse(RSA_1024), Err(SshKeyError::Weak(1024)));
        assert!(matches!(parse(DSA), Err(SshKeyError::Kind | SshKeyError::Malformed)));
    }

    #[test]
    fn a_private_key_is_named_as_what_it_is() {
        let private =
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----";
        assert_eq!(parse(private), Err(SshKeyError::Private));
    }

    #[test]
    fn what_could_add_an_option_or_a_line_is_refused() {
        assert_eq!(parse(&format!("{ED25519}\n{ECDSA}")), Err(SshKeyError::Lines));
        assert_eq!(parse(&format!("command=\"sh\" {ED25519}")), Err(SshKeyError::Malformed));
        assert_eq!(parse(&format!("ssh-rsa {}", &ED25519[12..])), Err(SshKeyError::Malformed));
        assert_eq!(parse(&"x".repeat(5000)), Err(SshKeyError::TooLong));
        for raw in ["", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 !!!!", "é"] {
            assert_eq!(parse(raw), Err(SshKeyError::Malformed), "{raw}");
        }
    }
}
