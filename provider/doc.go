// Package provider says what an identity provider is: its users, clients, grants, login
// sessions, signing keys and limits, the store each of them needs, and the rules that hold for
// them wherever they are kept and however they are reached.
//
// It owns the domain types, the store interfaces and the failures that callers tell apart. It
// does not know HTTP, SQL, Redis or fosite, and imports no other package of this module: every
// other package may import it.
//
// Two kinds of stores share the work. The long-lived one (SQL) keeps what must outlive everything:
// users, clients, keys, and the fact that a grant was ended. The short-lived one (Redis, or SQL)
// keeps grants, login sessions, one-time records and counters, each with a lifetime. Losing the
// short-lived store signs people out; it never revives a token.
package provider
