-- +goose Up
CREATE TABLE IF NOT EXISTS login_session_clients (
    session_id VARBINARY(255) NOT NULL,
    client_id  VARBINARY(255) NOT NULL,
    expires_at DATETIME(6)    NOT NULL,
    PRIMARY KEY (session_id, client_id),
    KEY login_session_clients_end (expires_at)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
