package provider

import (
	"context"
	"net/netip"
)

// Request is what a rule may know of the request that it serves.
type Request struct {
	// ID names the request in answers and logs.
	ID string
	// Addr is the caller's address: the peer, or what a trusted proxy says of it.
	Addr      netip.Addr
	UserAgent string
	// Report, unless nil, is filled in by the rules that serve the request, for its log line and
	// metrics.
	Report *Report
}

// Report says who asked for what and how it ended.
type Report struct {
	ClientID  string
	GrantType string
	// Error is the protocol's error code; empty for a request that was served.
	Error string
}

type requestKey struct{}

// WithRequest returns a context that carries r.
func WithRequest(ctx context.Context, r Request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

// RequestFrom returns the request that ctx carries, or the zero value.
func RequestFrom(ctx context.Context) Request {
	r, _ := ctx.Value(requestKey{}).(Request)
	return r
}
