package sqlstore

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm/logger"
)

// slowQuery is the time from which a statement is worth a line.
const slowQuery = 500 * time.Millisecond

// queryLog is GORM's logger. It reports slow statements, without their values; errors are returned
// to the caller and reported there.
type queryLog struct {
	log *slog.Logger
}

func (l queryLog) LogMode(logger.LogLevel) logger.Interface { return l }

func (l queryLog) Info(ctx context.Context, format string, args ...any) {
	l.log.DebugContext(ctx, "gorm", slog.String("message", fmt.Sprintf(format, args...)))
}

func (l queryLog) Warn(ctx context.Context, format string, args ...any) {
	l.log.WarnContext(ctx, "gorm", slog.String("message", fmt.Sprintf(format, args...)))
}

func (l queryLog) Error(ctx context.Context, format string, args ...any) {
	l.log.ErrorContext(ctx, "gorm", slog.String("message", fmt.Sprintf(format, args...)))
}

// ParamsFilter drops the values before GORM writes a statement out.
func (l queryLog) ParamsFilter(_ context.Context, query string, _ ...any) (string, []any) {
	return query, nil
}

func (l queryLog) Trace(ctx context.Context, begin time.Time, statement func() (string, int64), _ error) {
	elapsed := time.Since(begin)
	if elapsed < slowQuery {
		return
	}
	query, rows := statement()
	l.log.WarnContext(ctx, "slow statement",
		slog.String("statement", query), slog.Int64("rows", rows), slog.Duration("duration", elapsed))
}
