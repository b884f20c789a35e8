-- +goose Up
CREATE TABLE IF NOT EXISTS users (
    id                   BIGINT         NOT NULL AUTO_INCREMENT PRIMARY KEY,
    subject              VARBINARY(255) NOT NULL,
    email                VARCHAR(320)   NOT NULL,
    email_canonical      VARBINARY(254) NOT NULL,
    email_verified       BOOLEAN        NOT NULL,
    first_name           VARCHAR(255)   NOT NULL,
    last_name            VARCHAR(255)   NOT NULL,
    password_hash        VARBINARY(512) NOT NULL,
    active               BOOLEAN        NOT NULL,
    staff                BOOLEAN        NOT NULL,
    superuser            BOOLEAN        NOT NULL,
    joined_at            DATETIME(6)    NULL,
    last_login           DATETIME(6)    NULL,
    sessions_valid_after DATETIME(6)    NULL,
    UNIQUE KEY users_subject (subject),
    UNIQUE KEY users_email_canonical (email_canonical)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
