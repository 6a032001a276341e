//! What an app is handed for a person's consent, and how it is spent: codes, refresh tokens, access tokens.

pub mod access_token;
pub mod authorization_code;
pub mod device_code;
pub mod pkce;
pub mod refresh_token;
