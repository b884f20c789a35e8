-- +goose Up
CREATE TABLE IF NOT EXISTS records (
    hash       BINARY(32)    NOT NULL PRIMARY KEY,
    kind       VARBINARY(32) NOT NULL,
    value      MEDIUMBLOB    NULL,
    expires_at DATETIME(6)   NOT NULL,
    used_at    DATETIME(6)   NULL,
    KEY records_end (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
