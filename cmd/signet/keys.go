package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-id/signet/provider/keys"
)

func newKeys(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "keys", Short: "Manage signing keys", Args: noArgs}
	list := &cobra.Command{
		Use: "list", Short: "List signing keys and their states", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withKeys(c.Context(), func(*keys.Ring) error { return nil })
		},
	}
	var algorithms []string
	rotate := &cobra.Command{
		Use: "rotate", Short: "Publish new keys; they sign once every cache may have seen them", Args: noArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			for _, alg := range algorithms {
				if !slices.Contains(keys.Algorithms, alg) {
					return usageError{fmt.Errorf("--algorithm %s is none of %s", alg, strings.Join(keys.Algorithms, ", "))}
				}
			}
			return a.withKeys(c.Context(), func(ring *keys.Ring) error { return ring.Rotate(c.Context(), algorithms...) })
		},
	}
	rotate.Flags().StringSliceVar(&algorithms, "algorithm", nil, "only these: "+strings.Join(keys.Algorithms, ", "))
	cmd.AddCommand(list, rotate)
	return cmd
}

// withKeys opens the ring, does something with it and shows it.
func (a *app) withKeys(ctx context.Context, do func(*keys.Ring) error) error {
	return a.operate(ctx, func(o *operator) error {
		ring, _, err := openKeys(ctx, o.config, o.database)
		if err != nil {
			return err
		}
		if err := do(ring); err != nil {
			return err
		}
		infos := ring.Keys()
		rows := make([]string, 0, len(infos))
		for _, k := range infos {
			rows = append(rows, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", k.ID, k.Algorithm, k.State,
				k.CreatedAt.Format(time.RFC3339), k.ActivatesAt.Format(time.RFC3339)))
		}
		return a.print(infos, "KID\tALG\tSTATE\tCREATED\tACTIVE FROM", rows...)
	})
}
