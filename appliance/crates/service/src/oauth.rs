//! What the OAuth operations hold in memory: keys that were read, and codes in flight.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use domain::grant::access_token::AccessTokenKey;
use domain::permission::Need;
use domain::secret;
use domain::time::Timestamp;

use crate::codes::Codes;
use crate::keys::Keyring;
use crate::operation::Abort;
use crate::trial::Trials;
use crate::{Context, Fault, Idp, OpError, Refusal};

/// Under which name the key of the access tokens is stored.
const ACCESS_KEY: &str = "access_token";

/// See the module.
#[derive(Default)]
pub(crate) struct OAuth {
    keyring: RwLock<Arc<Keyring>>,
    making: Mutex<()>,
    access: OnceLock<AccessTokenKey>,
    /// Authorization codes.
    pub(crate) codes: Codes,
    /// Sign-ins that an admin tries out.
    pub(crate) trials: Trials,
}

impl OAuth {
    /// The keys of this moment.
    pub(crate) fn keyring(&self) -> Arc<Keyring> {
        Arc::clone(&self.keyring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Other keys from now on.
    pub(crate) fn set_keyring(&self, keyring: Keyring) {
        *self.keyring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keyring);
    }

    /// The turn to make a key.
    pub(crate) fn key_making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of the access tokens.
    pub(crate) fn access_key(&self) -> Result<&AccessTokenKey, Fault> {
        self.access.get().ok_or_else(|| Fault::unexpected("the key of the access tokens was not read"))
    }
}

impl Idp {
    /// Reads every key at start, and makes those that are missing.
    pub(crate) fn start_oauth(&self, now: Timestamp) -> Result<(), OpError<Refusal>> {
        let ctx = Context::system(now);
        let known = self.read(&ctx, Need::System, |op| Ok::<_, OpError<Refusal>>(op.symmetric_key(ACCESS_KEY)?))?;
        let key = match known {
            Some(key) => key,
            None => {
                let key = secret::random_key(self.entropy());
                self.write(&ctx, Need::System, |op| {
                    op.insert_symmetric_key(ACCESS_KEY, &key, now)?;
                    Ok::<_, Abort<Refusal>>(())
                })?;
                key
            }
        };
        // Only a second start of the same `Idp` would find it set, to the same key.
        let _already_set = self.oauth.access.set(AccessTokenKey::new(key.expose()));
        self.load_keys(now)
    }

    /// The server's own work, once in a while: replaces old keys, forgets keys and tokens that are over.
    pub fn tend_tokens(&self, now: Timestamp) -> Result<usize, OpError<Refusal>> {
        self.tend_keys(now)?;
        self.write(&Context::system(now), Need::System, |op| Ok(op.delete_expired_token_families(now)?))
    }
}
