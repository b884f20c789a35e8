package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/go-sql-driver/mysql"
	"gorm.io/gorm"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/signet-id/signet/provider"
)

// errNewerDocument says that a newer release wrote a record: reading it would lose what this release
// does not know.
var errNewerDocument = errors.New("the record was written by a newer release")

// Error numbers of MySQL and MariaDB.
const (
	mysqlDuplicateEntry = 1062
	mysqlLockWait       = 1205
	mysqlDeadlock       = 1213
	mysqlUnknownSetting = 1193
)

// mysqlOutages are the numbers that say "not now" rather than "not so".
var mysqlOutages = map[uint16]bool{
	mysqlLockWait: true,
	mysqlDeadlock: true,
	1021:          true, // disk full
	1030:          true, // storage engine error, such as no space left
	1040:          true, // too many connections
	1041:          true, // out of memory
	1047:          true, // Galera: the node is not ready
	1053:          true, // shutting down
	1114:          true, // table full
	1129:          true, // host blocked after connection errors
	1158:          true, // network errors, 1158 to 1161
	1159:          true,
	1160:          true,
	1161:          true,
	1203:          true, // too many connections of this user
	1226:          true, // a limit of this user
	1290:          true, // read-only
	1317:          true, // interrupted
	1792:          true, // read-only transaction
	1836:          true, // read-only mode
	1927:          true, // connection killed
	1969:          true, // statement time exceeded
	3024:          true, // statement time exceeded
	3100:          true, // group replication refused the commit
	3101:          true, // group replication rolled the transaction back
}

// mysqlQuotes are the numbers whose text quotes a value of the statement.
var mysqlQuotes = map[uint16]bool{1292: true, 1366: true, 1411: true}

// sqliteOutages are the primary result codes that say "not now" rather than "not so".
var sqliteOutages = map[int]bool{
	sqlite3.SQLITE_BUSY:     true,
	sqlite3.SQLITE_LOCKED:   true,
	sqlite3.SQLITE_NOMEM:    true,
	sqlite3.SQLITE_READONLY: true,
	sqlite3.SQLITE_IOERR:    true,
	sqlite3.SQLITE_FULL:     true,
	sqlite3.SQLITE_CANTOPEN: true,
	sqlite3.SQLITE_PROTOCOL: true,
}

// translate turns the errors of GORM and the drivers into those of package provider. An error
// never quotes a value that was stored or asked for.
func translate(err error) error {
	switch {
	case err == nil, errors.Is(err, provider.ErrUnavailable):
		return err
	case errors.Is(err, sql.ErrNoRows), errors.Is(err, gorm.ErrRecordNotFound):
		return provider.ErrNotFound
	case isDuplicate(err):
		return provider.ErrAlreadyExists
	case isOutage(err):
		return fmt.Errorf("%w: %w", provider.ErrUnavailable, err)
	}
	var my *mysql.MySQLError
	if errors.As(err, &my) && mysqlQuotes[my.Number] {
		return fmt.Errorf("mysql error %d: a value does not fit its column", my.Number)
	}
	return err
}

func isDuplicate(err error) bool {
	if errors.Is(err, gorm.ErrDuplicatedKey) {
		return true
	}
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return my.Number == mysqlDuplicateEntry
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) &&
		(lite.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
}

func isOutage(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return mysqlOutages[my.Number]
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return sqliteOutages[lite.Code()&0xff]
	}
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, mysql.ErrInvalidConn) ||
		errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, context.DeadlineExceeded)
}

// isTransient tells whether the database undid the whole transaction (or did nothing yet) because
// of others working at the same time, so that doing it again is safe and likely to succeed.
func isTransient(err error) bool {
	var my *mysql.MySQLError
	if errors.As(err, &my) {
		return my.Number == mysqlDeadlock || my.Number == mysqlLockWait
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == sqlite3.SQLITE_BUSY
}
