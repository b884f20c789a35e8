package configs

import (
	"net/netip"
	"slices"
)

// Outbound says where the server may go by itself: to what clients publish, and to those that are told of a
// logout. Public addresses over https are always open.
type Outbound struct {
	// AllowPrivate are networks that are not public and may be reached.
	AllowPrivate []netip.Prefix `yaml:"allow_private"`
	// AllowHTTP opens http URLs of loopback hosts.
	AllowHTTP bool `yaml:"allow_http"`
}

// OutboundRules are the settings of Outbound as they apply: a loopback issuer reaches its own machine, where
// the clients of somebody who tries it out are.
func (c Config) OutboundRules() Outbound {
	if !c.Loopback() {
		return c.Outbound
	}
	return Outbound{
		AllowPrivate: slices.Concat(c.Outbound.AllowPrivate, []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}),
		AllowHTTP:    true,
	}
}

func (v *validator) outbound() {
	v.check(!slices.ContainsFunc(v.Outbound.AllowPrivate, func(p netip.Prefix) bool { return p.Bits() <= 0 }),
		"outbound.allow_private", "want the ranges of your own clients: strangers may name any address in them")
}
