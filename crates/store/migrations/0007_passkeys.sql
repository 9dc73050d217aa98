-- Public keys of authenticators (WebAuthn), each a second factor beside the codes. public_key is a point of P-256, uncompressed.
CREATE TABLE passkey (
    id         INTEGER PRIMARY KEY,
    user_id    INTEGER NOT NULL,
    credential BLOB NOT NULL UNIQUE,
    public_key BLOB NOT NULL,
    counter    INTEGER NOT NULL,
    name       TEXT NOT NULL,
    created    INTEGER NOT NULL,
    last_used  INTEGER
);
CREATE INDEX passkey_user ON passkey (user_id);
