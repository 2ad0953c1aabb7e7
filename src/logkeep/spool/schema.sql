-- The spool's tables. An append is one INSERT, so that the commit thread needs the interpreter as seldom as
-- can be; what looks over that which waits reads the index alone, never the lines.
CREATE TABLE IF NOT EXISTS frames (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, also after a trim
    account TEXT NOT NULL,
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
CREATE INDEX IF NOT EXISTS frames_by_hour
    ON frames (account, hour, seq, lines, raw_bytes, stored_bytes, last_lid, rx);
-- Up to which frame an hour is in the archive, and whether frames up to there are still to be trimmed.
CREATE TABLE IF NOT EXISTS archived (
    account TEXT NOT NULL,
    hour INTEGER NOT NULL,
    upto_seq INTEGER NOT NULL,
    to_trim INTEGER NOT NULL,
    PRIMARY KEY (account, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS archived_to_trim ON archived (upto_seq) WHERE to_trim;
-- Up to which frame everything is in the index, the highest record id of frames that were trimmed, and a
-- random number that tells this spool from others.
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO marks VALUES ('indexed', 0), ('last_lid', 0), ('spool_id', abs(random() / 2));
-- What was answered to requests that carried an idempotency key.
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply BLOB NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS replies_by_age ON replies (at);
