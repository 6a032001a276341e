-- Accounts, groups, credentials, sessions, apps, tokens, keys and the audit log.
--
-- Portable but for four words that the file which opens a connection answers for: STRICT, WITHOUT ROWID, BLOB and
-- AUTOINCREMENT (the row number of a deleted account or app is never given to another, so that a code or token in flight
-- cannot change hands).
-- Times are Unix seconds, JSON is TEXT, flags are 0 or 1. Tables that a sign-in or a token call writes are keyed by
-- (account_id, number) and carry no second index, so that such a call dirties three pages at the most.

CREATE TABLE account (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    subject     BLOB    NOT NULL UNIQUE,
    kind        TEXT    NOT NULL CHECK (kind IN ('person', 'service')),
    name        TEXT    NOT NULL UNIQUE,
    attributes  TEXT    NOT NULL,
    valid_from  INTEGER,
    valid_until INTEGER,
    locked      INTEGER NOT NULL CHECK (locked IN (0, 1)),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

-- The mail addresses in the attributes, in lower case: each is one account's, since apps take it for who somebody is.
CREATE TABLE account_mail (
    address    TEXT    PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX account_mail_by_account ON account_mail (account_id);

CREATE TABLE picture (
    account_id INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    media_type TEXT    NOT NULL,
    bytes      BLOB    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE ssh_key (
    account_id  INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    fingerprint TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    public_key  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (account_id, fingerprint)
) STRICT, WITHOUT ROWID;

-- "group" is a word of SQL.
CREATE TABLE household_group (
    id          INTEGER PRIMARY KEY,
    name        TEXT    NOT NULL UNIQUE,
    description TEXT    NOT NULL,
    builtin     INTEGER NOT NULL CHECK (builtin IN (0, 1)),
    strength    TEXT    NOT NULL CHECK (strength IN ('any', 'mfa', 'passkey')),
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE group_account (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    group_id   INTEGER NOT NULL REFERENCES household_group (id) ON DELETE CASCADE,
    PRIMARY KEY (account_id, group_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_account_by_group ON group_account (group_id, account_id);

CREATE TABLE group_group (
    child_id  INTEGER NOT NULL REFERENCES household_group (id) ON DELETE CASCADE,
    parent_id INTEGER NOT NULL REFERENCES household_group (id) ON DELETE CASCADE,
    PRIMARY KEY (child_id, parent_id),
    CHECK (child_id <> parent_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX group_group_by_parent ON group_group (parent_id, child_id);

-- Every kind of credential: `data` is the kind's own JSON, `lookup` what a passkey is found by.
CREATE TABLE credential (
    account_id    INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number        INTEGER NOT NULL,
    kind          TEXT    NOT NULL,
    label         TEXT    NOT NULL,
    lookup        BLOB,
    data          TEXT    NOT NULL,
    failures      INTEGER NOT NULL DEFAULT 0,
    blocked_until INTEGER,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX credential_by_lookup ON credential (lookup) WHERE lookup IS NOT NULL;

CREATE TABLE session (
    account_id       INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number           INTEGER NOT NULL,
    digest           BLOB    NOT NULL,
    strength         TEXT    NOT NULL,
    factors          TEXT    NOT NULL,
    device           TEXT    NOT NULL,
    address          TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    last_seen_at     INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;

-- A link that lets its holder add a passkey: the first one (join) or one for a lost phone (recover).
CREATE TABLE invite (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    digest     BLOB    NOT NULL,
    purpose    TEXT    NOT NULL CHECK (purpose IN ('join', 'recover')),
    created_at INTEGER NOT NULL,
    created_by TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_token (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    digest     BLOB    NOT NULL,
    label      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;

-- An app. `settings` is JSON: redirect URIs, launch URL, PKCE, consent, signing algorithm, lifetimes.
CREATE TABLE client (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL UNIQUE,
    display_name  TEXT    NOT NULL,
    secret_digest BLOB,
    settings      TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE client_icon (
    client_id  INTEGER PRIMARY KEY REFERENCES client (id) ON DELETE CASCADE,
    media_type TEXT    NOT NULL,
    bytes      BLOB    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

-- Which groups may sign in to the app; none means nobody.
CREATE TABLE client_access (
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    group_id  INTEGER NOT NULL REFERENCES household_group (id) ON DELETE CASCADE,
    PRIMARY KEY (client_id, group_id)
) STRICT, WITHOUT ROWID;

-- Which groups get which scopes beyond the standard ones.
CREATE TABLE client_scope (
    client_id INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    group_id  INTEGER NOT NULL REFERENCES household_group (id) ON DELETE CASCADE,
    scope     TEXT    NOT NULL,
    PRIMARY KEY (client_id, group_id, scope)
) STRICT, WITHOUT ROWID;

-- Custom claims: how values combine and where they go; the values come from an attribute, from groups, or both.
CREATE TABLE client_claim (
    client_id   INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    name        TEXT    NOT NULL,
    combine     TEXT    NOT NULL CHECK (combine IN ('first', 'union', 'merge', 'join')),
    placement   TEXT    NOT NULL CHECK (placement IN ('both', 'id_token', 'userinfo')),
    attribute   TEXT,
    PRIMARY KEY (client_id, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_claim_value (
    client_id INTEGER NOT NULL,
    name      TEXT    NOT NULL,
    position  INTEGER NOT NULL,
    group_id  INTEGER NOT NULL REFERENCES household_group (id) ON DELETE CASCADE,
    value     TEXT    NOT NULL,
    PRIMARY KEY (client_id, name, group_id),
    FOREIGN KEY (client_id, name) REFERENCES client_claim (client_id, name) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE consent (
    account_id INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    client_id  INTEGER NOT NULL REFERENCES client (id) ON DELETE CASCADE,
    scopes     TEXT    NOT NULL,
    granted_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, client_id)
) STRICT, WITHOUT ROWID;

-- What one authorization code grew into: access tokens point here, and the one current refresh token is proven here.
CREATE TABLE token_family (
    account_id     INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    number         INTEGER NOT NULL,
    client_id      INTEGER NOT NULL,
    session_number INTEGER,
    scopes         TEXT    NOT NULL,
    strength       TEXT    NOT NULL,
    factors        TEXT    NOT NULL,
    auth_time      INTEGER NOT NULL,
    generation     INTEGER NOT NULL,
    refresh_digest BLOB,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    PRIMARY KEY (account_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_key (
    kid          TEXT PRIMARY KEY,
    algorithm    TEXT    NOT NULL,
    private_key  BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    retired_at   INTEGER,
    expires_at   INTEGER
) STRICT;

-- Keys that never leave the house, by purpose.
CREATE TABLE symmetric_key (
    purpose    TEXT PRIMARY KEY,
    bytes      BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE event (
    number  INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT    NOT NULL,
    action  TEXT    NOT NULL,
    target  TEXT    NOT NULL,
    origin  TEXT    NOT NULL,
    outcome TEXT    NOT NULL,
    detail  TEXT    NOT NULL
) STRICT;
