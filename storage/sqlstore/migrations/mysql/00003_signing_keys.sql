-- +goose Up
CREATE TABLE IF NOT EXISTS signing_keys (
    id           VARBINARY(255)  NOT NULL PRIMARY KEY,
    algorithm    VARBINARY(32)   NOT NULL,
    generation   INT             NOT NULL,
    private_key  VARBINARY(8192) NOT NULL,
    created_at   DATETIME(6)     NULL,
    activates_at DATETIME(6)     NULL,
    UNIQUE KEY signing_keys_generation (algorithm, generation)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
