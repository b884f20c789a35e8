-- +goose Up
CREATE TABLE IF NOT EXISTS clients (
    id         VARBINARY(255) NOT NULL PRIMARY KEY,
    disabled   BOOLEAN        NOT NULL,
    created_at DATETIME(6)    NULL,
    updated_at DATETIME(6)    NULL,
    document   MEDIUMBLOB     NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
