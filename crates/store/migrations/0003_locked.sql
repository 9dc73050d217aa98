-- What a password may open later. 101 and 110 are the reasons `encrypted` and `wrong_password`.
ALTER TABLE message ADD COLUMN message_id TEXT;
ALTER TABLE quarantine ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
-- Passwords tried by people, and mails whose passwords were tried: each has a limit of its own.
ALTER TABLE quarantine ADD COLUMN typed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN paired INTEGER NOT NULL DEFAULT 0;
UPDATE quarantine SET locked = 1 WHERE reason IN (101, 110) AND content IS NOT NULL AND path <> '';
CREATE INDEX quarantine_locked ON quarantine (created) WHERE locked = 1 AND state = 0;
-- Who has been given what was opened, and in which message. An item is released when all recipients are here.
CREATE TABLE unlocked (
    item    INTEGER NOT NULL,
    address TEXT NOT NULL,
    message INTEGER NOT NULL,
    PRIMARY KEY (item, address)
) WITHOUT ROWID;
