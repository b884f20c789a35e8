// Package redisstore keeps what is short-lived in Redis: grants, one-time records, login sessions
// and counters. It owns the key layout, the Lua scripts that decide single uses, and the translation
// of Redis' errors. It is the only package that knows go-redis.
//
// Every key has a lifetime that is set by the command that writes it. Every decision is one script
// on one key, so it is atomic on a single server, behind Sentinel and in Redis Cluster, and one
// trip. Scripts judge time by what the caller sends, in microseconds, never by the server's clock; that
// only removes what has ended.
//
// It does not know what the records are for, nor what outlives Redis: losing Redis loses everything
// in here, and package provider is built so that this signs people out and revives nothing.
//
// Keys, each behind Options.Prefix:
//
//	grant:{ID}            hash: d document, c client, e end, i idle end, g generation, r rotated, x code's end, u code used, n nonce
//	record:HASH           hash: v value, i end, u used, n nonce; HASH is of kind and key
//	session:{COOKIEHASH}  hash: d document, e end, i idle end, s seen, n nonce
//	sid:ID                hash: i end, n nonce; claims the ID of a login session
//	grants-of:{USER}      sorted set of a user's grants by their end
//	sessions-of:{USER}    sorted set of a user's login sessions by their end
//	clients-of:{ID}       sorted set of the clients that a login session was used for, by the session's latest end
//	limit:HASH            string: when all that was counted is used up
package redisstore
