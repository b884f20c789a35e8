// Package outbox owns the way of a parcel from the moment somebody hands it in until it was delivered or given
// up: sealing it into the store, claiming it, trying, waiting longer each time, and saying what came of it.
//
// A parcel that was taken is delivered at least once. A process that dies between delivering a parcel and
// removing it makes another deliver it again, under the same ID.
//
// It does not know what is in a parcel, nor who delivers it (package mails: mails; package oidc: notices of a
// logout), nor where parcels are kept.
package outbox
