-- The outbox's tables, run once for every file, in one transaction. What waits is counted from the index alone,
-- never from the lines.
CREATE TABLE frames (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice, also after frames went
    queue TEXT NOT NULL,  -- PIPELINE/DESTINATION
    lines INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    stored_bytes INTEGER NOT NULL,
    rx INTEGER NOT NULL,
    via TEXT NOT NULL,
    min_ts INTEGER,  -- NULL, as the next three: nobody looked
    max_ts INTEGER,
    first_lid INTEGER,
    last_lid INTEGER,
    data BLOB NOT NULL  -- canonical lines, one zstd frame
) STRICT;
CREATE INDEX frames_by_queue ON frames (queue, seq, lines, raw_bytes, stored_bytes, rx);
-- How far a queue is delivered. Frames below it are done, and are deleted some at a time. The row stays while
-- its pipeline does, so a queue costs one page that is written again and again.
CREATE TABLE heads (
    queue TEXT PRIMARY KEY,
    seq INTEGER NOT NULL,
    line INTEGER NOT NULL  -- of that frame, so many are delivered
) STRICT, WITHOUT ROWID;
CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE counts (
    pipeline TEXT NOT NULL,
    part TEXT NOT NULL,
    what TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (pipeline, part, what)
) STRICT, WITHOUT ROWID;
-- One row: tells this outbox, and with it the numbers of its frames, from others.
CREATE TABLE outbox (id TEXT NOT NULL) STRICT;
INSERT INTO outbox VALUES (lower(hex(randomblob(8))));
