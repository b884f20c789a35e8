package provider

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"

	jose "github.com/go-jose/go-jose/v4"
)

// Bounds of a client's keys: verifying with them is work that others ask for.
const (
	maxJWKS       = 64 << 10 // bytes
	maxJWKSKeys   = 50
	maxClientKeys = 10
	minRSAKeyBits = 2048
	maxRSAKeyBits = 8192
)

var errNotJWKS = errors.New("must be a JWK Set (RFC 7517 §5)")

// SignatureKeys reads a JWK Set (RFC 7517 §5) that a client publishes: the public keys in it that can verify
// its signatures. Others are passed over.
func SignatureKeys(raw []byte) ([]jose.JSONWebKey, error) {
	set, err := splitJWKS(raw)
	if err != nil {
		return nil, err
	}
	var keys []jose.JSONWebKey
	for _, one := range set {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(one) == nil && verifiesSignatures(key) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

func splitJWKS(raw []byte) ([]json.RawMessage, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if len(raw) > maxJWKS || json.Unmarshal(raw, &set) != nil || set.Keys == nil || len(set.Keys) > maxJWKSKeys {
		return nil, errNotJWKS
	}
	return set.Keys, nil
}

// verifiesSignatures tells whether a key is a public one for an algorithm of clientSigningAlgs.
func verifiesSignatures(key jose.JSONWebKey) bool {
	if (key.Use != "" && key.Use != "sig") || !key.Valid() {
		return false
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		bits := public.N.BitLen()
		return bits >= minRSAKeyBits && bits <= maxRSAKeyBits
	case *ecdsa.PublicKey:
		return public.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return true
	}
	return false
}

// validateJWKS judges a JWK Set that a client registers by value: its owner must not have given away what
// should stay at home, and one key at least must be of use.
func validateJWKS(raw string) error {
	set, err := splitJWKS([]byte(raw))
	if err != nil {
		return err
	}
	if len(set) > maxClientKeys {
		return errors.New("must have at most 10 keys")
	}
	for _, one := range set {
		var parts map[string]any
		if json.Unmarshal(one, &parts) != nil || parts["d"] != nil || parts["k"] != nil || parts["kty"] == "oct" {
			return errors.New("must have public keys only")
		}
	}
	keys, err := SignatureKeys([]byte(raw))
	if err == nil && len(keys) == 0 {
		err = errors.New("must have an RSA key of 2048 to 8192 bits, a P-256 or an Ed25519 key for signatures")
	}
	return err
}
