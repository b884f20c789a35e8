// Package accounts owns the rules for users: who may register, whom a password proves somebody to be,
// and what a change of it ends. It does not know how a request arrives, how passwords are hashed, nor
// where users are stored.
package accounts
