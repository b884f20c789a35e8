-- +goose Up
CREATE TABLE IF NOT EXISTS revoked_grants (
    grant_id   VARBINARY(255) NOT NULL PRIMARY KEY,
    expires_at DATETIME(6)    NOT NULL,
    KEY revoked_grants_end (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
