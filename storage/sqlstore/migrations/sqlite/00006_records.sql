-- +goose Up
CREATE TABLE records (
    hash       BLOB     NOT NULL PRIMARY KEY,
    kind       TEXT     NOT NULL,
    value      BLOB     NULL,
    expires_at DATETIME NOT NULL,
    used_at    DATETIME NULL
);
CREATE INDEX records_end ON records (expires_at);
