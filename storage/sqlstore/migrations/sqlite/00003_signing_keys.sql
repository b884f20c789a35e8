-- +goose Up
CREATE TABLE signing_keys (
    id           TEXT     NOT NULL PRIMARY KEY,
    algorithm    TEXT     NOT NULL,
    generation   INTEGER  NOT NULL,
    private_key  BLOB     NOT NULL,
    created_at   DATETIME NULL,
    activates_at DATETIME NULL
);
CREATE UNIQUE INDEX signing_keys_generation ON signing_keys (algorithm, generation);
