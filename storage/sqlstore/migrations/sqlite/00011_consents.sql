-- +goose Up
CREATE TABLE consents (
    user_id    INTEGER  NOT NULL,
    client_id  TEXT     NOT NULL,
    created_at DATETIME NULL,
    given_at   DATETIME NULL,
    document   BLOB     NOT NULL,
    PRIMARY KEY (user_id, client_id)
);
CREATE INDEX consents_client ON consents (client_id);
