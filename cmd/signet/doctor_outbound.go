package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signet-id/signet/configs"
	"github.com/signet-id/signet/internal/outbound"
	"github.com/signet-id/signet/provider"
)

// outboundTime bounds how long the addresses of clients are looked up.
const outboundTime = 10 * time.Second

// examineOutbound tells which clients have URIs that the server will not go to: their keys are not read, and they
// are not told of logouts.
func examineOutbound(ctx context.Context, config configs.Config, clients provider.ClientStore) finding {
	const check = "outbound"
	all, err := clients.Clients(ctx)
	if err != nil {
		return finding{check, statusFault, err.Error(), "start the database, or correct database.url"}
	}
	ctx, cancel := context.WithTimeout(ctx, outboundTime)
	defer cancel()
	client, checked := newOutbound(config), 0
	var refused []string
	for _, c := range all {
		for _, uri := range slices.Concat([]string{c.JWKSURI, c.BackchannelLogoutURI}, c.RequestURIs) {
			if uri == "" {
				continue
			}
			checked++
			if errors.Is(client.Check(ctx, uri), outbound.ErrForbidden) && !slices.Contains(refused, c.ID) {
				refused = append(refused, c.ID)
			}
		}
	}
	if len(refused) > 0 {
		return finding{
			check, statusWarning, "not reached: URIs of " + strings.Join(refused, ", "),
			"if these clients are yours, add their networks to outbound.allow_private",
		}
	}
	return finding{check, statusOK, fmt.Sprintf("%d URIs of clients may be reached", checked), ""}
}
