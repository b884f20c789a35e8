package oidc

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"

	"github.com/signet-id/signet/provider/keys"
)

// idClaims are the claims of an ID token (OpenID Connect Core §2). What a scope stands for is told by
// userinfo.
type idClaims struct {
	Issuer          string   `json:"iss"`
	Subject         string   `json:"sub"`
	Audience        string   `json:"aud"`
	ExpiresAt       int64    `json:"exp"`
	IssuedAt        int64    `json:"iat"`
	AuthTime        int64    `json:"auth_time"`
	ACR             string   `json:"acr,omitempty"`
	AMR             []string `json:"amr,omitempty"`
	SessionID       string   `json:"sid,omitempty"`
	AccessTokenHash string   `json:"at_hash,omitempty"`
	Nonce           string   `json:"nonce,omitempty"`
}

// defaultIDTokenAlgorithm is what a client gets that did not register another (OpenID Connect
// Registration §2).
const defaultIDTokenAlgorithm = keys.RS256

// idTokenType is the "typ" of ID tokens.
const idTokenType = "JWT"

// idToken mints the ID token that goes with an access token, or alone.
func (e *Engine) idToken(u *unit, accessToken string) (string, error) {
	algorithm := u.client.IDTokenSignedResponseAlg
	if algorithm == "" {
		algorithm = defaultIDTokenAlgorithm
	}
	now, g := e.Now(), u.grant
	claims := idClaims{
		Issuer: e.Settings.Issuer, Subject: g.Subject, Audience: u.client.ID,
		ExpiresAt: now.Add(e.Settings.IDTokenLifetime).Unix(), IssuedAt: now.Unix(),
		AuthTime: g.AuthTime.Unix(), ACR: g.ACR, AMR: g.AMR, SessionID: g.SessionID,
		Nonce: u.nonce,
	}
	told := g.Scopes
	if accessToken != "" { // userinfo tells what the scopes stand for
		told, claims.AccessTokenHash = nil, halfHash(algorithm, accessToken)
	}
	var asked claimsRequest
	if g.Code != nil && g.Code.Claims != "" {
		var err error
		if asked, err = parseClaims(g.Code.Claims); err != nil {
			return "", err
		}
	}
	payload, err := json.Marshal(claims)
	if err == nil {
		payload, err = withUserClaims(payload, claimsFor(u.standing.User, told, asked.IDToken))
	}
	if err != nil {
		return "", err
	}
	return e.Keys.Sign(algorithm, idTokenType, payload)
}

// withUserClaims adds what an ID token tells of its user beyond who it is.
func withUserClaims(payload []byte, claims userClaims) ([]byte, error) {
	if len(claims) == 0 {
		return payload, nil
	}
	more, err := json.Marshal(claims)
	if err != nil {
		return nil, err
	}
	payload[len(payload)-1] = ','
	return append(payload, more[1:]...), nil
}

// halfHash is the left half of a token's hash (OpenID Connect Core §3.1.3.6); Ed25519 hashes with
// SHA-512.
func halfHash(algorithm, token string) string {
	if algorithm == keys.EdDSA {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
