// Package accounts owns the rules for users: who may register, whom a password proves somebody to be,
// what a mailed link is good for, and what a change ends. It does not know how a request arrives, how
// passwords are hashed, how mails are sent, nor where users are stored.
package accounts
