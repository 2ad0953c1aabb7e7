-- The spool's tables, run once for every file, in one transaction: for a new one, and after upgrade.sql for one
-- of the former shape. An append is one INSERT, so that the commit thread needs the interpreter as seldom as can
-- be; what looks over that which waits reads the index alone, never the lines.
CREATE TABLE IF NOT EXISTS frames (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, also after a trim
    account TEXT NOT NULL,  -- '' only in a frame of the former shape: the same text as its archive
    archive TEXT NOT NULL,  -- '' for none
    indexed INTEGER NOT NULL,  -- 1: goes into the live search
    hour INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL,
    min_ts INTEGER NOT NULL,
    max_ts INTEGER NOT NULL,
    first_lid INTEGER NOT NULL,
    last_lid INTEGER NOT NULL,
    rx INTEGER NOT NULL,
    data BLOB NOT NULL
) STRICT;
CREATE INDEX frames_by_hour
    ON frames (archive, hour, seq, account, lines, raw_bytes, stored_bytes, last_lid, rx);
-- Up to which frame an hour is in the archive, and what is still to be done about frames up to there:
-- 0 nothing, 1 trim them, 2 trim them and then forget the row, because the archive is gone.
CREATE TABLE IF NOT EXISTS archived (
    archive TEXT NOT NULL,
    hour INTEGER NOT NULL,
    upto_seq INTEGER NOT NULL,
    to_trim INTEGER NOT NULL,
    PRIMARY KEY (archive, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS archived_to_trim ON archived (upto_seq) WHERE to_trim;
-- What was ever accepted, counted by the INSERT itself. `lines` is -1 where nobody knows, and stays so. Rows are
-- kept for good: a count that was pruned would start again from nothing with the next late line, and be wrong.
-- A year of one archive comes to half a megabyte.
CREATE TABLE received (
    archive TEXT NOT NULL,
    hour INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    PRIMARY KEY (archive, hour)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER frames_received AFTER INSERT ON frames WHEN NEW.archive <> '' BEGIN
    INSERT INTO received VALUES (NEW.archive, NEW.hour, NEW.lines, NEW.raw_bytes)
    ON CONFLICT DO UPDATE SET lines = lines + excluded.lines, raw_bytes = raw_bytes + excluded.raw_bytes
    WHERE lines >= 0;
END;
-- Hours that a spool of the former shape knew had no count. A new spool knows none.
INSERT INTO received
    SELECT archive, hour, -1, 0 FROM archived UNION SELECT archive, hour, -1, 0 FROM frames;
-- Up to which frame everything is in the index, the highest record id of frames that were trimmed, and a
-- random number that tells this spool from others.
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO marks VALUES ('indexed', 0), ('last_lid', 0), ('spool_id', abs(random() / 2));
-- What was answered to requests that carried an idempotency key.
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply BLOB NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS replies_by_age ON replies (at);
