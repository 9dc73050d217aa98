-- Who chose the password: one that somebody else chose is changed at the next sign-in.
ALTER TABLE users ADD COLUMN must_change INTEGER NOT NULL DEFAULT 0;
-- Where the user's mail goes, in lower case: it says which mails are theirs.
ALTER TABLE users ADD COLUMN address TEXT;
CREATE UNIQUE INDEX users_address ON users (address) WHERE address IS NOT NULL;
-- 0: signed in; 1: the password was right and the second factor is still to come.
ALTER TABLE session ADD COLUMN stage INTEGER NOT NULL DEFAULT 0;
ALTER TABLE session ADD COLUMN peer TEXT;

-- last_step is the time step of the newest code that was taken: none is taken twice (RFC 6238 5.2).
CREATE TABLE second_factor (
    user_id   INTEGER PRIMARY KEY,
    secret    BLOB NOT NULL,
    created   INTEGER NOT NULL,
    last_step INTEGER NOT NULL
);
CREATE TABLE recovery_code (
    user_id INTEGER NOT NULL,
    hash    BLOB NOT NULL,
    used    INTEGER,
    PRIMARY KEY (user_id, hash)
) WITHOUT ROWID;
