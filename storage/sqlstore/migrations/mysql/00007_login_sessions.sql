-- +goose Up
CREATE TABLE IF NOT EXISTS login_sessions (
    cookie_hash     VARBINARY(255) NOT NULL PRIMARY KEY,
    id              VARBINARY(255) NOT NULL,
    user_id         BIGINT         NOT NULL,
    created_at      DATETIME(6)    NULL,
    seen_at         DATETIME(6)    NULL,
    expires_at      DATETIME(6)    NOT NULL,
    idle_expires_at DATETIME(6)    NOT NULL,
    document        MEDIUMBLOB     NOT NULL,
    UNIQUE KEY login_sessions_id (id),
    KEY login_sessions_user (user_id, created_at, id),
    KEY login_sessions_end (idle_expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
