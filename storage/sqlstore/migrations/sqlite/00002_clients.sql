-- +goose Up
CREATE TABLE clients (
    id         TEXT     NOT NULL PRIMARY KEY,
    disabled   BOOLEAN  NOT NULL,
    created_at DATETIME NULL,
    updated_at DATETIME NULL,
    document   BLOB     NOT NULL
);
