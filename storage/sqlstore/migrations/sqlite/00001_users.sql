-- +goose Up
-- AUTOINCREMENT: the id of a deleted user is never given again.
CREATE TABLE users (
    id                   INTEGER  NOT NULL PRIMARY KEY AUTOINCREMENT,
    subject              TEXT     NOT NULL,
    email                TEXT     NOT NULL,
    email_canonical      TEXT     NOT NULL,
    email_verified       BOOLEAN  NOT NULL,
    first_name           TEXT     NOT NULL,
    last_name            TEXT     NOT NULL,
    password_hash        TEXT     NOT NULL,
    active               BOOLEAN  NOT NULL,
    staff                BOOLEAN  NOT NULL,
    superuser            BOOLEAN  NOT NULL,
    joined_at            DATETIME NULL,
    last_login           DATETIME NULL,
    sessions_valid_after DATETIME NULL
);
CREATE UNIQUE INDEX users_subject ON users (subject);
CREATE UNIQUE INDEX users_email_canonical ON users (email_canonical);
