package sqlstore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider"
)

func TestTranslateTellsOutagesFromFaults(t *testing.T) {
	for name, err := range map[string]error{
		"too many connections": &mysql.MySQLError{Number: 1040},
		"read-only server":     &mysql.MySQLError{Number: 1290},
		"disk full":            &mysql.MySQLError{Number: 1114},
		"killed connection":    &mysql.MySQLError{Number: 1927},
		"galera not ready":     &mysql.MySQLError{Number: 1047},
		"broken connection":    driver.ErrBadConn,
		"lost connection":      mysql.ErrInvalidConn,
		"cut answer":           io.ErrUnexpectedEOF,
		"deadline":             context.DeadlineExceeded,
	} {
		got := translate(fmt.Errorf("wrapped: %w", err))
		require.ErrorIs(t, got, provider.ErrUnavailable, name)
		require.ErrorIs(t, got, err, "%s: the cause stays", name)
	}
	for name, err := range map[string]error{
		"syntax error":     &mysql.MySQLError{Number: 1064},
		"the caller left":  context.Canceled,
		"some other fault": errors.New("x"),
	} {
		require.NotErrorIs(t, translate(err), provider.ErrUnavailable, name)
	}
	require.NoError(t, translate(nil))
}

func TestTranslateDropsQuotedValues(t *testing.T) {
	err := translate(&mysql.MySQLError{Number: 1366, Message: "Incorrect string value: 'hunter2'"})
	require.NotContains(t, err.Error(), "hunter2")
}
