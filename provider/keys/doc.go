// Package keys owns the provider's signing keys: making them, publishing them before they sign and
// after they signed, signing and verifying compact JWS (RFC 7515), and their rotation.
//
// A key's state is a function of the clock: of all keys of one algorithm that are active already,
// the youngest signs; a younger one is only published (next), an older one is still published while a
// token it signed may live (retired). So replicas that read the same rows agree without talking to
// each other, and a rotation is one inserted row.
//
// It does not know what the signed claims mean, nor where keys are stored.
package keys
