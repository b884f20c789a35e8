-- +goose Up
-- MySQL has no ADD COLUMN IF NOT EXISTS: a step that was done but not recorded must find that it was.
SET @step = IF(
    (SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'users' AND column_name = 'profile') > 0,
    'DO 0',
    'ALTER TABLE users ADD COLUMN profile MEDIUMBLOB NULL, ADD COLUMN roles MEDIUMBLOB NULL, ADD COLUMN user_groups MEDIUMBLOB NULL, ADD COLUMN updated_at DATETIME(6) NULL'
);
PREPARE step FROM @step;
EXECUTE step;
DEALLOCATE PREPARE step;
