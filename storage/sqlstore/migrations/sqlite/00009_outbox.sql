-- +goose Up
CREATE TABLE outbox (
    id         TEXT     NOT NULL PRIMARY KEY,
    sealed     BLOB     NOT NULL,
    created_at DATETIME NULL,
    due_at     DATETIME NULL,
    attempts   INTEGER  NOT NULL,
    last_error TEXT     NOT NULL,
    dead       BOOLEAN  NOT NULL
);
CREATE INDEX outbox_due ON outbox (dead, due_at, id);
CREATE INDEX outbox_dead ON outbox (dead, created_at, id);
