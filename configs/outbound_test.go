package configs

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyALoopbackIssuerReachesItsOwnMachine(t *testing.T) {
	own := netip.MustParsePrefix("10.20.0.0/16")
	c := Default()
	c.Outbound.AllowPrivate = []netip.Prefix{own}
	local := c.OutboundRules()
	require.True(t, local.AllowHTTP)
	require.Equal(t, []netip.Prefix{own, netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, local.AllowPrivate)

	c.Issuer = "https://id.example.com"
	require.Equal(t, Outbound{AllowPrivate: []netip.Prefix{own}}, c.OutboundRules())
}
