package passwords

import "strings"

// Scheme names the format of a stored hash for reports: "argon2id" is ours, those that Django writes
// have Django's names, "unusable" matches no password on purpose. verifiable: some password matches.
// One that is not verifiable has the name that it gives itself, if it is one we know, and is
// "unknown" otherwise.
func Scheme(stored string) (name string, verifiable bool) {
	if stored == "" || strings.HasPrefix(stored, "!") {
		return "unusable", false
	}
	_, err := parse(stored)
	name, _, _ = strings.Cut(stored, "$")
	switch name {
	case "":
		name, _, _ = strings.Cut(stored[1:], "$")
		if name != "argon2id" && name != "argon2i" {
			name = "unknown"
		}
	case "argon2", "pbkdf2_sha256", "pbkdf2_sha1", "bcrypt", "bcrypt_sha256", "scrypt":
	default:
		name = "unknown" // it may be a password in clear: it is not repeated
	}
	return name, err == nil
}
