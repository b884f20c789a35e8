-- +goose Up
CREATE TABLE IF NOT EXISTS logout_notices (
    id         VARBINARY(255)  NOT NULL PRIMARY KEY,
    sealed     MEDIUMBLOB      NOT NULL,
    created_at DATETIME(6)     NULL,
    due_at     DATETIME(6)     NULL,
    attempts   INT             NOT NULL,
    last_error VARBINARY(1024) NOT NULL,
    dead       BOOLEAN         NOT NULL,
    KEY logout_notices_due (dead, due_at, id),
    KEY logout_notices_dead (dead, created_at, id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
