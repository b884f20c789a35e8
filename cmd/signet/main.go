// Command signet is the identity provider: the server, and the commands of those who operate it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// The exit codes of every command.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.Environ()))
}

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// usageError is an error of the command line: exit code 2.
type usageError struct{ error }

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, io streams, environ []string) int {
	root := newRoot(&app{streams: io, environ: environ}) //nolint:contextcheck // commands get it when they run
	root.SetArgs(args)
	root.SetIn(io.in)
	root.SetOut(io.out)
	root.SetErr(io.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(io.err, "signet:", err)
	if usage := new(usageError); errors.As(err, usage) {
		return exitUsage
	}
	return exitFailed
}

// app is what the commands share.
type app struct {
	streams
	environ    []string
	configFile string
	output     string
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "signet",
		Short:         "An identity provider: account API, OAuth 2 and OpenID Connect in one binary",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
	}
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "settings file (YAML)")
	root.PersistentFlags().StringVar(&a.output, "output", outputTable, "table or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error { return a.checkOutput() }
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(newServe(a), newMigrate(a), newCreateSuperuser(a), newChangePassword(a), newUsers(a), newClients(a), newKeys(a), newDoctor(a), newConfig(a), newVersion(a))
	needSubcommands(root)
	return root
}

// needSubcommands makes a command that only groups others say so when it is called without one, or with
// one that it does not have.
func needSubcommands(c *cobra.Command) {
	for _, sub := range c.Commands() {
		needSubcommands(sub)
	}
	if c.HasSubCommands() && c.RunE == nil {
		c.Args = cobra.ArbitraryArgs
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) == 0 && !c.HasParent() {
				return c.Help()
			}
			return usageError{fmt.Errorf("%s needs one of its commands; see %s --help", c.CommandPath(), c.CommandPath())}
		}
	}
}

// noArgs refuses arguments as a fault of usage.
func noArgs(c *cobra.Command, args []string) error { return usage(cobra.NoArgs(c, args)) }

// oneArg asks for exactly one.
func oneArg(c *cobra.Command, args []string) error { return usage(cobra.ExactArgs(1)(c, args)) }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}
