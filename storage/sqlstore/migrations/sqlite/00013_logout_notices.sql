-- +goose Up
CREATE TABLE logout_notices (
    id         TEXT     NOT NULL PRIMARY KEY,
    sealed     BLOB     NOT NULL,
    created_at DATETIME NULL,
    due_at     DATETIME NULL,
    attempts   INTEGER  NOT NULL,
    last_error TEXT     NOT NULL,
    dead       BOOLEAN  NOT NULL
);
CREATE INDEX logout_notices_due ON logout_notices (dead, due_at, id);
CREATE INDEX logout_notices_dead ON logout_notices (dead, created_at, id);
