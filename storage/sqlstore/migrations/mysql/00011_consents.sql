-- +goose Up
CREATE TABLE IF NOT EXISTS consents (
    user_id    BIGINT         NOT NULL,
    client_id  VARBINARY(255) NOT NULL,
    created_at DATETIME(6)    NULL,
    given_at   DATETIME(6)    NULL,
    document   MEDIUMBLOB     NOT NULL,
    PRIMARY KEY (user_id, client_id),
    KEY consents_client (client_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
