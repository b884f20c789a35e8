package oidc

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/signet-id/signet/provider/secrets"
)

// The prefixes of codes and refresh tokens, for secret scanners.
const (
	codePrefix    = "sgc_"
	refreshPrefix = "sgr_"
)

// grantToken is what a code or refresh token says: which grant it begins or continues, for whom, and, of a
// refresh token, which generation it is. It is authenticated by a MAC, so a forged one costs no store a trip
// and changes nothing, and the successor of a refresh token can be told again without being stored.
type grantToken struct {
	grantID    string
	userID     int64
	generation int
	// sessionID is the login session that a code was issued in; empty in a refresh token.
	sessionID string
}

var errNotGrantToken = errors.New("not a token of this kind and provider")

// grantTokens formats and parses the tokens of one kind; each kind has keys of its own.
type grantTokens struct {
	prefix string
	keys   [][]byte // current first
}

func newCodes(master *secrets.Master) grantTokens {
	return grantTokens{prefix: codePrefix, keys: master.Derive("authorization-code")}
}

func newRefreshTokens(master *secrets.Master) grantTokens {
	return grantTokens{prefix: refreshPrefix, keys: master.Derive("refresh-token")}
}

const (
	grantTokenVersion   = 1
	grantTokenFixedSize = 1 + 8 + 4 // version, user, generation; the grant id follows
	grantTokenMACSize   = 24        // bytes: 192 bits
)

// sessionMark stands between the ids of a grant and of its login session, which are letters and digits.
const sessionMark = '.'

func (f grantTokens) format(t grantToken) string {
	raw := make([]byte, 0, grantTokenFixedSize+len(t.grantID)+grantTokenMACSize)
	raw = append(raw, grantTokenVersion)
	raw = binary.BigEndian.AppendUint64(raw, uint64(t.userID))     //nolint:gosec // round-trips
	raw = binary.BigEndian.AppendUint32(raw, uint32(t.generation)) //nolint:gosec // counts from 1
	raw = append(raw, t.grantID...)
	if t.sessionID != "" {
		raw = append(raw, sessionMark)
		raw = append(raw, t.sessionID...)
	}
	raw = append(raw, f.mac(f.keys[0], raw)...)
	return f.prefix + base64.RawURLEncoding.EncodeToString(raw)
}

func (f grantTokens) parse(token string) (grantToken, error) {
	encoded, ok := strings.CutPrefix(token, f.prefix)
	if !ok || len(encoded) > 256 || strings.ContainsAny(encoded, "\r\n") { // which the decoder would pass over
		return grantToken{}, errNotGrantToken
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) <= grantTokenFixedSize+grantTokenMACSize || raw[0] != grantTokenVersion {
		return grantToken{}, errNotGrantToken
	}
	body, mac := raw[:len(raw)-grantTokenMACSize], raw[len(raw)-grantTokenMACSize:]
	for _, key := range f.keys {
		if hmac.Equal(mac, f.mac(key, body)) {
			grantID, sessionID, _ := strings.Cut(string(body[grantTokenFixedSize:]), string(sessionMark))
			return grantToken{
				grantID:    grantID,
				sessionID:  sessionID,
				userID:     int64(binary.BigEndian.Uint64(body[1:])), //nolint:gosec // round-trips
				generation: int(binary.BigEndian.Uint32(body[9:])),
			}, nil
		}
	}
	return grantToken{}, errNotGrantToken
}

func (grantTokens) mac(key, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(nil)[:grantTokenMACSize]
}
