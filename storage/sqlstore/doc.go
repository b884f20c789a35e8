// Package sqlstore keeps everything in SQL: the long-lived records (users, clients, signing keys,
// the grants that were ended) always, and the short-lived ones (grants, login sessions, one-time
// records, rate counters) when no other store was chosen for them. MySQL, MariaDB and SQLite are
// served by one code.
//
// It owns the schema and its migrations, the connection pools, transactions and their retries, and
// the translation of driver errors into those of package provider. It does not know what its
// records mean: which grant may be used or which user may sign in is decided by its callers. No
// other package knows GORM.
//
// GORM is reached through the few functions of orm.go alone. They take SQL text only as constants,
// name every column that they write and report how many rows they touched, so a zero value cannot
// widen a condition, a stale struct cannot overwrite a row and a write that missed is seen.
package sqlstore
