package main

import (
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/signet-id/signet/storage/sqlstore"
)

func newMigrate(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Apply or show database migrations", Args: noArgs}
	cmd.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Apply the migrations that are missing, under a lock", Args: noArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return a.withUnmigrated(c, func(database *sqlstore.Store) error { return database.Migrate(c.Context()) })
			},
		},
		&cobra.Command{
			Use: "status", Short: "Show which migrations are applied", Args: noArgs,
			RunE: func(c *cobra.Command, _ []string) error {
				return a.withUnmigrated(c, func(database *sqlstore.Store) error {
					migrations, err := database.MigrationStatus(c.Context())
					if err != nil {
						return err
					}
					views := make([]migrationView, 0, len(migrations))
					rows := make([]string, 0, len(migrations))
					for _, m := range migrations {
						v := migrationView{m.Version, m.Name, !m.AppliedAt.IsZero()}
						views = append(views, v)
						rows = append(rows, fmt.Sprintf("%d\t%s\t%t", v.Version, v.Name, v.Applied))
					}
					return a.print(views, "VERSION\tNAME\tAPPLIED", rows...)
				})
			},
		},
	)
	return cmd
}

// migrationView is a migration as the command shows it.
type migrationView struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// withUnmigrated opens the database as it is.
func (a *app) withUnmigrated(c *cobra.Command, do func(*sqlstore.Store) error) error {
	config, err := a.config()
	if err != nil {
		return err
	}
	config.Database.MigrateOnStart = false
	database, err := openDatabase(c.Context(), config, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer func() { _ = database.Close() }()
	return do(database)
}
