-- +goose Up
CREATE TABLE grants (
    id              TEXT     NOT NULL PRIMARY KEY,
    client_id       TEXT     NOT NULL,
    user_id         INTEGER  NOT NULL,
    generation      INTEGER  NOT NULL,
    created_at      DATETIME NULL,
    rotated_at      DATETIME NULL,
    expires_at      DATETIME NOT NULL,
    idle_expires_at DATETIME NOT NULL,
    code_expires_at DATETIME NULL,
    code_used_at    DATETIME NULL,
    document        BLOB     NOT NULL
);
CREATE INDEX grants_user ON grants (user_id, created_at, id);
CREATE INDEX grants_end ON grants (idle_expires_at);
