-- What the rest of OAuth and OpenID Connect keeps.

-- The key that the refresh token is bound to (RFC 9449), the refresh token that was replaced last, for a client that did not get the
-- answer, and which claims the app asked for by name (OpenID Connect Core section 5.5).
ALTER TABLE token_family ADD COLUMN key_thumbprint BLOB;
ALTER TABLE token_family ADD COLUMN previous_digest BLOB;
ALTER TABLE token_family ADD COLUMN refreshed_at INTEGER;
ALTER TABLE token_family ADD COLUMN claims TEXT;

-- Dynamic client registration (RFC 7591): tokens that an admin made, and for whose use the apps are that come by them.
CREATE TABLE registration_token (
    number     INTEGER PRIMARY KEY,
    digest     BLOB    NOT NULL,
    group_id   INTEGER NOT NULL REFERENCES household_group (id) ON DELETE CASCADE,
    uses_left  INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- Apps that registered themselves, and the token by which each changes what it registered (RFC 7592).
CREATE TABLE client_registration (
    client_id      INTEGER PRIMARY KEY REFERENCES client (id) ON DELETE CASCADE,
    digest         BLOB    NOT NULL,
    authentication TEXT    NOT NULL,
    uses_codes     INTEGER NOT NULL
) STRICT;
-- The secret before the current one, for as long as the app may still use it.
ALTER TABLE client ADD COLUMN retired_digest BLOB;
ALTER TABLE client ADD COLUMN retired_until INTEGER;
