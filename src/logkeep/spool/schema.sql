-- The spool's tables. Metadata and payloads are apart, so that looking over what waits never reads lines.
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
    rx INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS frames_by_hour ON frames (account, hour, seq);
CREATE TABLE IF NOT EXISTS payloads (seq INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;
-- Up to which frame an hour is in the archive.
CREATE TABLE IF NOT EXISTS archived (
    account TEXT NOT NULL,
    hour INTEGER NOT NULL,
    upto_seq INTEGER NOT NULL,
    PRIMARY KEY (account, hour)
) STRICT, WITHOUT ROWID;
-- Up to which frame everything is in the index, and the highest record id that was ever taken.
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO marks VALUES ('indexed', 0), ('last_lid', 0);
-- What was answered to requests that carried an idempotency key.
CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply BLOB NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS replies_by_age ON replies (at);
