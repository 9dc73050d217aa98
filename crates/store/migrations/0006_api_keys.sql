-- Keys of programs. Only the digest is kept. scopes is a set of bits (crates/store/src/keys.rs).
CREATE TABLE api_key (
    id        INTEGER PRIMARY KEY,
    hash      BLOB NOT NULL UNIQUE,
    user_id   INTEGER NOT NULL,
    name      TEXT NOT NULL,
    scopes    INTEGER NOT NULL,
    created   INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    last_used INTEGER,
    revoked   INTEGER
);
CREATE INDEX api_key_user ON api_key (user_id);

-- Requests that a program may repeat: the digest of its key (with whose it is), of what it sent, and the batch that came of it.
-- While batch is null the first request is still under way.
CREATE TABLE idempotency (
    key     BLOB PRIMARY KEY,
    request BLOB,
    batch   INTEGER,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX idempotency_expires ON idempotency (expires);
