-- What happened in each minute, for the dashboard: a few rows a minute, kept for two days. kind and name are those of
-- crates/store/src/figures.rs.
CREATE TABLE figure (
    minute INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    name   TEXT NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (minute, kind, name)
) WITHOUT ROWID;

-- Counted without reading the rows: recipients that wait, and the bytes in files.
CREATE INDEX delivery_waiting ON delivery (state, queued) WHERE state < 2;
DROP INDEX content_file;
CREATE INDEX content_file ON content (file, length) WHERE file IS NOT NULL;

-- How many originals are held is kept by the database itself, since several statements change it.
INSERT INTO counter (name, value)
SELECT 'quarantine_held', count(*) FROM quarantine WHERE content IS NOT NULL AND state = 0;
CREATE TRIGGER quarantine_held_more AFTER INSERT ON quarantine WHEN NEW.content IS NOT NULL AND NEW.state = 0
BEGIN UPDATE counter SET value = value + 1 WHERE name = 'quarantine_held'; END;
CREATE TRIGGER quarantine_held_less AFTER DELETE ON quarantine WHEN OLD.content IS NOT NULL AND OLD.state = 0
BEGIN UPDATE counter SET value = value - 1 WHERE name = 'quarantine_held'; END;
CREATE TRIGGER quarantine_held_changed AFTER UPDATE OF content, state ON quarantine
WHEN (OLD.content IS NOT NULL AND OLD.state = 0) <> (NEW.content IS NOT NULL AND NEW.state = 0)
BEGIN
    UPDATE counter SET value = value + iif(NEW.content IS NOT NULL AND NEW.state = 0, 1, -1) WHERE name = 'quarantine_held';
END;
-- Lists by one of them, newest first.
CREATE INDEX quarantine_state ON quarantine (state, id);
CREATE INDEX quarantine_reason ON quarantine (reason, id);
