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

// refreshPrefix marks refresh tokens for secret scanners and keeps token kinds apart.
const refreshPrefix = "sgr_"

// refreshToken is what a refresh token says: which grant it continues, for whom, and which
// generation it is. It is authenticated by a MAC, so a forged one costs no store a trip and changes
// nothing, and the successor of a token can be told again without being stored.
type refreshToken struct {
	grantID    string
	userID     int64
	generation int
}

var errNotRefreshToken = errors.New("not a refresh token of this provider")

// refreshTokens formats and parses refresh tokens.
type refreshTokens struct {
	keys [][]byte // current first
}

func newRefreshTokens(master *secrets.Master) refreshTokens {
	return refreshTokens{keys: master.Derive("refresh-token")}
}

const (
	refreshVersion   = 1
	refreshFixedSize = 1 + 8 + 4 // version, user, generation; the grant id follows
	refreshMACSize   = 24        // bytes: 192 bits
)

func (f refreshTokens) format(t refreshToken) string {
	raw := make([]byte, 0, refreshFixedSize+len(t.grantID)+refreshMACSize)
	raw = append(raw, refreshVersion)
	raw = binary.BigEndian.AppendUint64(raw, uint64(t.userID))     //nolint:gosec // round-trips
	raw = binary.BigEndian.AppendUint32(raw, uint32(t.generation)) //nolint:gosec // counts from 1
	raw = append(raw, t.grantID...)
	raw = append(raw, f.mac(f.keys[0], raw)...)
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(raw)
}

func (f refreshTokens) parse(token string) (refreshToken, error) {
	encoded, ok := strings.CutPrefix(token, refreshPrefix)
	if !ok || len(encoded) > 256 || strings.ContainsAny(encoded, "\r\n") { // which the decoder would pass over
		return refreshToken{}, errNotRefreshToken
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) <= refreshFixedSize+refreshMACSize || raw[0] != refreshVersion {
		return refreshToken{}, errNotRefreshToken
	}
	body, mac := raw[:len(raw)-refreshMACSize], raw[len(raw)-refreshMACSize:]
	for _, key := range f.keys {
		if hmac.Equal(mac, f.mac(key, body)) {
			return refreshToken{
				userID:     int64(binary.BigEndian.Uint64(body[1:])), //nolint:gosec // round-trips
				generation: int(binary.BigEndian.Uint32(body[9:])),
				grantID:    string(body[refreshFixedSize:]),
			}, nil
		}
	}
	return refreshToken{}, errNotRefreshToken
}

func (refreshTokens) mac(key, body []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(nil)[:refreshMACSize]
}
