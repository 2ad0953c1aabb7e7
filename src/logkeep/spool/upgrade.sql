-- From the former shape of the tables (user_version 0), in which an account was its own archive, to the names of
-- the present one. No frame is rewritten: it takes no time and no room, however much waits.
-- A first start that was killed may have left `frames` without this one.
CREATE TABLE IF NOT EXISTS archived (
    account TEXT NOT NULL,
    hour INTEGER NOT NULL,
    upto_seq INTEGER NOT NULL,
    to_trim INTEGER NOT NULL,
    PRIMARY KEY (account, hour)
) STRICT, WITHOUT ROWID;
ALTER TABLE archived RENAME COLUMN account TO archive;
DROP INDEX IF EXISTS frames_by_hour;
ALTER TABLE frames RENAME COLUMN account TO archive;
ALTER TABLE frames ADD COLUMN account TEXT NOT NULL DEFAULT '';
ALTER TABLE frames ADD COLUMN indexed INTEGER NOT NULL DEFAULT 1;
