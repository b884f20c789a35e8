-- +goose Up
CREATE TABLE rate_limits (
    key_hash   BLOB     NOT NULL PRIMARY KEY,
    tat        INTEGER  NOT NULL,
    expires_at DATETIME NOT NULL
);
CREATE INDEX rate_limits_end ON rate_limits (expires_at);
