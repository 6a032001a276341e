-- What the rest of OAuth and OpenID Connect keeps.

-- The key that the refresh token is bound to (RFC 9449), the refresh token that was replaced last, for a client that did not get the
-- answer, and which claims the app asked for by name (OpenID Connect Core section 5.5).
ALTER TABLE token_family ADD COLUMN key_thumbprint BLOB;
ALTER TABLE token_family ADD COLUMN previous_digest BLOB;
ALTER TABLE token_family ADD COLUMN refreshed_at INTEGER;
ALTER TABLE token_family ADD COLUMN claims TEXT;

-- The secret before the current one, for as long as the app may still use it.
ALTER TABLE client ADD COLUMN retired_digest BLOB;
ALTER TABLE client ADD COLUMN retired_until INTEGER;
