// Package oidc is the protocol engine: the OAuth 2 and OpenID Connect endpoints over the rules and
// stores of package provider.
//
// It owns the wire: parameters, client authentication, token formats, claims, metadata and the
// protocol's errors. It is the only package that knows fosite. fosite's grant handlers mint; they do
// not decide. Each request passes one front door (parse, client, limits) before a handler sees it,
// and one writer after, so no grant can forget a step.
//
// It does not know gin, SQL or Redis, nor how a password is checked.
package oidc
