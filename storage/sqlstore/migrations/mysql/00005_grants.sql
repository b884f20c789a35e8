-- +goose Up
CREATE TABLE IF NOT EXISTS grants (
    id              VARBINARY(255) NOT NULL PRIMARY KEY,
    client_id       VARBINARY(255) NOT NULL,
    user_id         BIGINT         NOT NULL,
    generation      INT            NOT NULL,
    created_at      DATETIME(6)    NULL,
    rotated_at      DATETIME(6)    NULL,
    expires_at      DATETIME(6)    NOT NULL,
    idle_expires_at DATETIME(6)    NOT NULL,
    code_expires_at DATETIME(6)    NULL,
    code_used_at    DATETIME(6)    NULL,
    document        MEDIUMBLOB     NOT NULL,
    KEY grants_user (user_id, created_at, id),
    KEY grants_end (idle_expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
