-- Accounts whose password somebody else checks. 0: this gateway; 1: a directory (LDAP); 2: a provider (OpenID Connect).
ALTER TABLE users ADD COLUMN source INTEGER NOT NULL DEFAULT 0;
-- Who they are there, by a name that is never given to anybody else (objectGUID, entryUUID, issuer and sub).
ALTER TABLE users ADD COLUMN subject TEXT;
-- When the source last said that they may sign in; null: it said that they may not.
ALTER TABLE users ADD COLUMN confirmed INTEGER;
CREATE UNIQUE INDEX users_subject ON users (source, subject) WHERE subject IS NOT NULL;
-- 1: the provider has asked for a second factor already, and its word counts.
ALTER TABLE session ADD COLUMN vouched INTEGER NOT NULL DEFAULT 0;
