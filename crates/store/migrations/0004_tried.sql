-- Mails whose passwords were tried on an item, by who sent them: one sender's tries are not another's.
-- quarantine.paired counts those of senders other than the item's own.
CREATE TABLE tried (
    item   INTEGER NOT NULL,
    sender TEXT NOT NULL,
    tries  INTEGER NOT NULL,
    PRIMARY KEY (item, sender)
) WITHOUT ROWID;
-- What was uploaded, and parts of a mail of which only a notice was passed on, are not opened by a later password.
UPDATE quarantine SET locked = 0
 WHERE locked = 1 AND message IN (SELECT id FROM message WHERE origin <> 0 OR verdict IN (2, 3));
