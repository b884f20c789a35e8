-- +goose Up
CREATE TABLE revoked_grants (
    grant_id   TEXT     NOT NULL PRIMARY KEY,
    expires_at DATETIME NOT NULL
);
CREATE INDEX revoked_grants_end ON revoked_grants (expires_at);
