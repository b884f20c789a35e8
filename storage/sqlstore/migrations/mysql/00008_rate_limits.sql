-- +goose Up
CREATE TABLE IF NOT EXISTS rate_limits (
    key_hash   BINARY(32)  NOT NULL PRIMARY KEY,
    tat        BIGINT      NOT NULL,
    expires_at DATETIME(6) NOT NULL,
    KEY rate_limits_end (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
