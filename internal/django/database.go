package django

import (
	"context"
	"fmt"
	"slices"

	"github.com/signet-id/signet/provider/transfer"
)

// Database is an open database of a Django project.
type Database interface {
	// Tables names the tables.
	Tables(ctx context.Context) ([]string, error)
	// Rows calls each with every row of a table, by column: numbers are int64, texts string.
	Rows(ctx context.Context, table string, each func(row map[string]any) error) error
}

// ReadDatabase reads all users of a model, whose addresses are verified if django-allauth's table says
// so.
func ReadDatabase(ctx context.Context, db Database, model Model) (transfer.Source, error) {
	if err := model.check(); err != nil {
		return transfer.Source{}, err
	}
	tables, err := db.Tables(ctx)
	if err != nil {
		return transfer.Source{}, err
	}
	users, addresses := model.table(), addressModel.table()
	if !slices.Contains(tables, users) {
		return transfer.Source{}, fmt.Errorf("the database has no table %s: which is the user model?", users)
	}
	c := newCollector()
	err = db.Rows(ctx, users, func(row map[string]any) error {
		c.addUser(fmt.Sprintf("%s %v", users, row["id"]), row)
		return nil
	})
	if err != nil {
		return transfer.Source{}, err
	}
	if !slices.Contains(tables, addresses) {
		c.source.Notes = append(c.source.Notes, transfer.Remark{Row: addresses, Text: "there is no such table: no address counts as verified"})
		return c.finish(), nil
	}
	err = db.Rows(ctx, addresses, func(row map[string]any) error {
		c.addAddress(fmt.Sprintf("%s %v", addresses, row["id"]), "user_id", row)
		return nil
	})
	if err != nil {
		return transfer.Source{}, err
	}
	return c.finish(), nil
}
