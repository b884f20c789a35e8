package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/signet-id/signet/internal/django"
	"github.com/signet-id/signet/provider/transfer"
	"github.com/signet-id/signet/storage/sqlstore"
)

// What --from takes.
const (
	fromSignet     = "signet"
	fromDjangoDB   = "django-db"
	fromDjangoJSON = "django-json"
)

// progressEvery is after how many users an import says how far it is.
const progressEvery = 10_000

// userImport is one run of the command.
type userImport struct {
	from, location     string
	model              string
	dryRun, skipFaulty bool
}

func newUsersImport(a *app) *cobra.Command {
	var job userImport
	cmd := &cobra.Command{
		Use:   "import SOURCE",
		Short: "Import users from a Django project or from another Signet; running it again is safe",
		Args:  oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			if !slices.Contains([]string{fromSignet, fromDjangoDB, fromDjangoJSON}, job.from) {
				return usageError{fmt.Errorf("--from is %s, %s or %s, not %q", fromSignet, fromDjangoDB, fromDjangoJSON, job.from)}
			}
			job.location = args[0]
			return a.operate(c.Context(), func(o *operator) error { return a.importUsers(c.Context(), o, job) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&job.from, "from", fromSignet, fromSignet+" (a file of users export), "+
		fromDjangoDB+" (an SQLite file or a mysql:// URL), "+fromDjangoJSON+" (what dumpdata wrote)")
	flags.StringVar(&job.model, "model", string(django.DefaultModel), "the Django project's user model")
	flags.BoolVar(&job.dryRun, "dry-run", false, "only say what would be done")
	flags.BoolVar(&job.skipFaulty, "skip-faulty", false, "import the others when some rows cannot be")
	return cmd
}

// read reads the whole source.
func (j userImport) read(ctx context.Context) (source transfer.Source, err error) {
	if j.from == fromDjangoDB {
		db, err := sqlstore.OpenForeign(ctx, j.location)
		if err != nil {
			return transfer.Source{}, err
		}
		source, err = django.ReadDatabase(ctx, db, django.Model(j.model))
		return source, errors.Join(err, db.Close())
	}
	file, err := os.Open(j.location)
	if err != nil {
		return transfer.Source{}, err
	}
	defer func() { _ = file.Close() }()
	if j.from == fromDjangoJSON {
		source, err = django.ReadDump(file, django.Model(j.model))
	} else {
		source, err = transfer.ReadFile(file)
	}
	if err != nil {
		return transfer.Source{}, fmt.Errorf("%s: %w", j.location, err)
	}
	return source, nil
}

// importReport says what an import did, or would do.
type importReport struct {
	DryRun bool `json:"dry_run"`
	// Read is how many users the source has; each is one of created, renewed, present or a fault.
	Read    int `json:"read"`
	Created int `json:"created"`
	Renewed int `json:"renewed"`
	Present int `json:"present"`
	// Hashes are the source's password hashes by format.
	Hashes map[string]int    `json:"hashes"`
	Faults []transfer.Remark `json:"faults"`
	Notes  []transfer.Remark `json:"notes"`
}

func (a *app) importUsers(ctx context.Context, o *operator, job userImport) error {
	source, err := job.read(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "read %d users\n", len(source.Users))
	plan, err := transfer.NewPlan(ctx, o.database, source)
	if err != nil {
		return err
	}
	report := importReport{
		DryRun: job.dryRun, Read: len(source.Users), Present: plan.Present, Hashes: plan.Schemes,
		Faults: append([]transfer.Remark{}, plan.Faults...), Notes: append([]transfer.Remark{}, plan.Notes...),
	}
	refused := len(plan.Faults) > 0 && !job.skipFaulty
	switch {
	case job.dryRun:
		report.Created, report.Renewed = len(plan.New), len(plan.Renewed)
	case !refused:
		var outcome transfer.Outcome
		outcome, err = plan.Apply(ctx, o.database, func(done int) {
			if done%progressEvery == 0 || done == len(plan.New) {
				fmt.Fprintf(a.err, "created %d of %d users\n", done, len(plan.New))
			}
		})
		report.Created, report.Renewed = outcome.Created, outcome.Renewed
		report.Faults = append(report.Faults, outcome.Faults...)
		if err != nil {
			err = fmt.Errorf("stopped after %d of %d users, the same command goes on from there: %w", outcome.Created, len(plan.New), err)
		} else if len(outcome.Faults) > 0 {
			err = fmt.Errorf("%d rows were not imported", len(outcome.Faults))
		}
	}
	if printErr := a.printImport(report); err == nil {
		err = printErr
	}
	if refused {
		return fmt.Errorf("%d rows cannot be imported: correct them at the source, or leave them out with --skip-faulty. Nothing was imported", len(plan.Faults))
	}
	return err
}

func (a *app) printImport(report importReport) error {
	counts := []struct {
		what  string
		count int
	}{{"read", report.Read}, {"created", report.Created}, {"renewed", report.Renewed}, {"present", report.Present}, {"faults", len(report.Faults)}}
	rows := make([]string, 0, len(counts)+len(report.Hashes)+len(report.Faults)+len(report.Notes))
	for _, c := range counts {
		rows = append(rows, fmt.Sprintf("%s\t%d", c.what, c.count))
	}
	for _, scheme := range slices.Sorted(maps.Keys(report.Hashes)) {
		rows = append(rows, fmt.Sprintf("hash %s\t%d", scheme, report.Hashes[scheme]))
	}
	for _, remark := range report.Faults {
		rows = append(rows, fmt.Sprintf("fault\t%s: %s", remark.Row, remark.Text))
	}
	for _, remark := range report.Notes {
		rows = append(rows, fmt.Sprintf("note\t%s: %s", remark.Row, remark.Text))
	}
	heading := "IMPORT\t"
	if report.DryRun {
		heading = "DRY RUN\t"
	}
	return a.print(report, heading, rows...)
}

func newUsersExport(a *app) *cobra.Command {
	return &cobra.Command{
		Use: "export FILE", Short: "Write all users with their password hashes into a new file, for users import", Args: oneArg,
		RunE: func(c *cobra.Command, args []string) error {
			return a.operate(c.Context(), func(o *operator) error {
				n, err := exportUsers(c.Context(), o, args[0])
				if err != nil {
					return err
				}
				return a.print(struct {
					Users int    `json:"users"`
					File  string `json:"file"`
				}{n, args[0]}, "USERS\tFILE", fmt.Sprintf("%d\t%s", n, args[0]))
			})
		},
	}
}

// exportUsers writes a file that was not there, for its owner alone; one that could not be written whole is removed.
func exportUsers(ctx context.Context, o *operator, path string) (n int, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // G304: the operator names the file
	if err != nil {
		return 0, err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(path))
		}
	}()
	buffered := bufio.NewWriter(file)
	if n, err = transfer.WriteFile(buffered, transfer.All(ctx, o.database)); err != nil {
		return 0, err
	}
	return n, errors.Join(buffered.Flush(), file.Sync())
}
