-- What an owner decides once for the whole house: its names, its certificate, when it was claimed. The value is the setting's own
-- JSON.

CREATE TABLE setting (
    name       TEXT    PRIMARY KEY,
    value      TEXT    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A house with people in it has an owner already.
INSERT INTO setting (name, value, updated_at)
    SELECT 'claimed_at', CAST(min(created_at) AS TEXT), min(created_at) FROM account HAVING count(*) > 0;
