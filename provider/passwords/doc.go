// Package passwords owns how passwords are hashed and verified, how many hashes may be paid for at
// once, and which passwords are too weak. New hashes are argon2id; those that Django wrote are
// understood as well. It does not know users, nor where hashes are stored.
package passwords
