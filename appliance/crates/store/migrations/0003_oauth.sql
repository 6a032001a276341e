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
-- Which apps a session led into, so that they are told when it ends (OpenID Connect Back-Channel Logout 1.0). `issuer` is what the ID
-- token said: the house may have moved since.
CREATE TABLE session_client (
    account_id     INTEGER NOT NULL,
    session_number INTEGER NOT NULL,
    client_id      INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    issuer         TEXT    NOT NULL,
    PRIMARY KEY (account_id, session_number, client_id),
    FOREIGN KEY (account_id, session_number) REFERENCES session (account_id, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Who still has to be told. The account may be gone by then.
CREATE TABLE logout_delivery (
    number         INTEGER PRIMARY KEY,
    client_id      INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    account_id     INTEGER NOT NULL,
    session_number INTEGER NOT NULL,
    subject        BLOB    NOT NULL,
    issuer         TEXT    NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;

-- How the last delivery to the app went; without `trouble` it went well.
CREATE TABLE logout_report (
    client_id INTEGER PRIMARY KEY REFERENCES client (id) ON DELETE CASCADE,
    at        INTEGER NOT NULL,
    trouble   TEXT
) STRICT;

-- The names under which proxies show an app (its setting `forward_hosts`), so that a request finds its app by a key.
CREATE TABLE client_host (
    host      TEXT PRIMARY KEY,
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
