-- +goose Up
CREATE TABLE login_sessions (
    cookie_hash     TEXT     NOT NULL PRIMARY KEY,
    id              TEXT     NOT NULL,
    user_id         INTEGER  NOT NULL,
    created_at      DATETIME NULL,
    seen_at         DATETIME NULL,
    expires_at      DATETIME NOT NULL,
    idle_expires_at DATETIME NOT NULL,
    document        BLOB     NOT NULL
);
CREATE UNIQUE INDEX login_sessions_id ON login_sessions (id);
CREATE INDEX login_sessions_user ON login_sessions (user_id, created_at, id);
CREATE INDEX login_sessions_end ON login_sessions (idle_expires_at);
