package passwords

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // Django's pbkdf2_sha1; HMAC-SHA-1 is not broken
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
	"golang.org/x/text/unicode/norm"
)

// The sizes of what we make, in bytes.
const (
	saltSize = 16
	sumSize  = 32
)

// The largest work that a stored hash may ask for: a hash is data, possibly imported, and must not be
// a bomb. What Params ask for must be within the first three, or no password would ever match.
const (
	MaxMemory  = 256 << 10 // KiB
	MaxTime    = 10
	MaxThreads = 16

	maxPBKDF2Rounds  = 2_000_000
	maxBcryptCost    = 14
	maxScryptMemory  = 128 << 20 // bytes
	maxScryptThreads = 16
	maxSize          = 128 // bytes of a salt or sum
)

// maxBcryptPassword is where bcrypt stops reading (bytes): longer passwords would match by their
// beginning.
const maxBcryptPassword = 72

// errFormat says that a string is no hash that a password could match.
var errFormat = errors.New("not a usable password hash")

// storedHash is a parsed hash of one of the formats.
type storedHash interface {
	// matches does the hash's work and tells whether a password, as it was typed, belongs to it.
	matches(password string) bool
}

// parse reads a stored hash: our PHC string, or what Django's hashers write. The error is errFormat.
func parse(s string) (storedHash, error) {
	scheme, rest, _ := strings.Cut(s, "$")
	switch scheme {
	case "":
		return parseArgon2(rest, true)
	case "argon2":
		return parseArgon2(rest, false)
	case "pbkdf2_sha256":
		return parsePBKDF2(rest, sha256.New)
	case "pbkdf2_sha1":
		return parsePBKDF2(rest, sha1.New)
	case "bcrypt":
		return parseBcrypt(rest, false)
	case "bcrypt_sha256":
		return parseBcrypt(rest, true)
	case "scrypt":
		return parseScrypt(rest)
	default:
		return nil, errFormat
	}
}

// argon2Hash is RFC 9106's, version 0x13.
type argon2Hash struct {
	variant   string // argon2id or argon2i
	memory    uint32 // KiB
	time      uint32
	threads   uint8
	salt, sum []byte
	// normalised: the password was hashed in Unicode's form NFC, so that it does not matter how a
	// keyboard composes letters. Django hashes it as typed.
	normalised bool
}

// parseArgon2 reads variant$v=19$m=…,t=…,p=…$salt$sum.
func parseArgon2(s string, normalised bool) (storedHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 5 || (parts[0] != "argon2id" && parts[0] != "argon2i") || parts[1] != "v=19" {
		return nil, errFormat
	}
	costs := strings.Split(parts[2], ",")
	if len(costs) != 3 {
		return nil, errFormat
	}
	memory, ok1 := parseCost(costs[0], "m=", MaxMemory)
	time, ok2 := parseCost(costs[1], "t=", MaxTime)
	threads, ok3 := parseCost(costs[2], "p=", MaxThreads)
	salt, ok4 := decode(base64.RawStdEncoding, parts[3])
	sum, ok5 := decode(base64.RawStdEncoding, parts[4])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || memory < 8*threads || len(salt) < 8 || len(sum) < 16 {
		return nil, errFormat
	}
	return argon2Hash{
		variant: parts[0], memory: memory, time: time, threads: uint8(threads), //nolint:gosec // at most MaxThreads
		salt: salt, sum: sum, normalised: normalised,
	}, nil
}

// String is the PHC string of a normalised hash.
func (h argon2Hash) String() string {
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", h.variant, argon2.Version, h.memory, h.time, h.threads, encode(h.salt), encode(h.sum))
}

func (h argon2Hash) compute(password string, size int) []byte {
	if h.normalised {
		password = norm.NFC.String(password)
	}
	key := argon2.IDKey
	if h.variant == "argon2i" {
		key = argon2.Key
	}
	return key([]byte(password), h.salt, h.time, h.memory, h.threads, uint32(size)) //nolint:gosec // at most maxSize
}

func (h argon2Hash) matches(password string) bool {
	return subtle.ConstantTimeCompare(h.compute(password, len(h.sum)), h.sum) == 1
}

// pbkdf2Hash is RFC 8018's.
type pbkdf2Hash struct {
	digest    func() hash.Hash
	rounds    uint32
	salt, sum []byte
}

// parsePBKDF2 reads rounds$salt$sum; the salt is text.
func parsePBKDF2(s string, digest func() hash.Hash) (storedHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 3 {
		return nil, errFormat
	}
	rounds, ok1 := parseCost(parts[0], "", maxPBKDF2Rounds)
	sum, ok2 := decode(base64.StdEncoding, parts[2])
	if !ok1 || !ok2 || len(parts[1]) > maxSize || len(sum) != digest().Size() {
		return nil, errFormat
	}
	return pbkdf2Hash{digest: digest, rounds: rounds, salt: []byte(parts[1]), sum: sum}, nil
}

func (h pbkdf2Hash) matches(password string) bool {
	sum, err := pbkdf2.Key(h.digest, password, h.salt, int(h.rounds), len(h.sum))
	return err == nil && subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// bcryptHash is bcrypt of the password, or of the hexadecimal SHA-256 of it.
type bcryptHash struct {
	text   []byte
	sha256 bool
}

// parseBcrypt reads $2b$cost$salt-and-sum.
func parseBcrypt(s string, sha256 bool) (storedHash, error) {
	cost, err := bcrypt.Cost([]byte(s))
	if err != nil || cost > maxBcryptCost || len(s) != 60 {
		return nil, errFormat
	}
	return bcryptHash{text: []byte(s), sha256: sha256}, nil
}

func (h bcryptHash) matches(password string) bool {
	if h.sha256 {
		sum := sha256.Sum256([]byte(password))
		password = hex.EncodeToString(sum[:])
	}
	// One that is too long is refused after the same work.
	read := password[:min(len(password), maxBcryptPassword)]
	return bcrypt.CompareHashAndPassword(h.text, []byte(read)) == nil && read == password
}

// scryptHash is RFC 7914's.
type scryptHash struct {
	n, r, p   uint32
	salt, sum []byte
}

// parseScrypt reads n$salt$r$p$sum; the salt is text.
func parseScrypt(s string) (storedHash, error) {
	parts := strings.Split(s, "$")
	if len(parts) != 5 {
		return nil, errFormat
	}
	n, ok1 := parseCost(parts[0], "", maxScryptMemory/128)
	r, ok2 := parseCost(parts[2], "", maxScryptMemory/128)
	p, ok3 := parseCost(parts[3], "", maxScryptThreads)
	sum, ok4 := decode(base64.StdEncoding, parts[4])
	if !ok1 || !ok2 || !ok3 || !ok4 || len(parts[1]) > maxSize || len(sum) < 16 ||
		n < 2 || n&(n-1) != 0 || uint64(n)*uint64(r) > maxScryptMemory/128 {
		return nil, errFormat
	}
	return scryptHash{n: n, r: r, p: p, salt: []byte(parts[1]), sum: sum}, nil
}

func (h scryptHash) matches(password string) bool {
	sum, err := scrypt.Key([]byte(password), h.salt, int(h.n), int(h.r), int(h.p), len(h.sum))
	return err == nil && subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// parseCost reads a number from 1 to most after a prefix.
func parseCost(s, prefix string, most uint64) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, prefix)
	n, err := strconv.ParseUint(digits, 10, 32)
	return uint32(n), ok && err == nil && 1 <= n && n <= most
}

// decode reads base64 of at most maxSize bytes, one spelling of each.
func decode(encoding *base64.Encoding, s string) ([]byte, bool) {
	b, err := encoding.Strict().DecodeString(s)
	return b, err == nil && len(b) <= maxSize && !strings.ContainsAny(s, "\r\n")
}
