-- +goose Up
CREATE TABLE login_session_clients (
    session_id TEXT     NOT NULL,
    client_id  TEXT     NOT NULL,
    expires_at DATETIME NOT NULL,
    PRIMARY KEY (session_id, client_id)
);
CREATE INDEX login_session_clients_end ON login_session_clients (expires_at);
