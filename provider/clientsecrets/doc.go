// Package clientsecrets owns how client secrets are made, stored and checked. Generated ones are
// random enough that one SHA-256 guards them; those that people chose are hashed as slowly as
// passwords, and a success is remembered, since clients show their secret with every request. It does
// not know clients, nor how a secret arrives.
package clientsecrets
