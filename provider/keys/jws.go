package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/signet-id/signet/provider"
)

// The algorithms that the provider signs with; it has a key for each at all times.
const (
	RS256 = "RS256"
	ES256 = "ES256"
	EdDSA = "EdDSA"
)

// Algorithms lists them.
var Algorithms = []string{ES256, RS256, EdDSA}

// MaxTokenSize bounds what Verify looks at, in bytes.
const MaxTokenSize = 16 << 10

// ErrInvalidToken says that a string is not a JWS of this provider. It never says why.
var ErrInvalidToken = errors.New("invalid token")

// key is an opened signing key.
type key struct {
	id                   string
	algorithm            string
	private              crypto.Signer
	public               crypto.PublicKey
	createdAt            time.Time
	activatesAt          time.Time
	successorActivatesAt time.Time // zero: no successor yet
	headers              sync.Map  // typ → encoded JOSE header with its dot
}

// Sign returns the compact JWS of a payload with the active key of an algorithm. typ is the header of
// that name (RFC 9068 §2.1: "at+jwt"); empty leaves it out.
func (r *Ring) Sign(alg, typ string, payload []byte) (string, error) {
	k := r.snapshot.Load().active(alg, r.now())
	if k == nil {
		return "", fmt.Errorf("no active %s key", alg)
	}
	header := k.header(typ)
	signed := make([]byte, 0, len(header)+base64.RawURLEncoding.EncodedLen(len(payload))+1+344)
	signed = append(signed, header...)
	signed = base64.RawURLEncoding.AppendEncode(signed, payload)
	signature, err := k.sign(signed)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", alg, err)
	}
	signed = append(signed, '.')
	return string(base64.RawURLEncoding.AppendEncode(signed, signature)), nil
}

// Header is the JOSE header of a verified token.
type Header struct {
	Algorithm string
	Type      string
	KeyID     string
}

// Verify checks the signature of a compact JWS and returns its header and payload. The key is the one
// that the header's kid names, among all that were not forgotten; the algorithm is the key's own, and
// a header that names another, that is "crit" or that brings a key of its own is refused. Claims are
// the caller's to check. The error is ErrInvalidToken.
func (r *Ring) Verify(token string) (Header, []byte, error) {
	if len(token) > MaxTokenSize || strings.Count(token, ".") != 2 || strings.ContainsAny(token, "\r\n") { // the decoder passes over line feeds
		return Header{}, nil, ErrInvalidToken
	}
	lastDot := strings.LastIndexByte(token, '.')
	headerPart, payloadPart, _ := strings.Cut(token[:lastDot], ".")
	header, err := parseHeader(headerPart)
	if err != nil {
		return Header{}, nil, ErrInvalidToken
	}
	k := r.snapshot.Load().byID[header.KeyID]
	if k == nil || k.algorithm != header.Algorithm {
		return Header{}, nil, ErrInvalidToken
	}
	signature, err := strictBase64.DecodeString(token[lastDot+1:])
	if err != nil || !k.verify([]byte(token[:lastDot]), signature) {
		return Header{}, nil, ErrInvalidToken
	}
	payload, err := strictBase64.DecodeString(payloadPart)
	if err != nil {
		return Header{}, nil, ErrInvalidToken
	}
	return header, payload, nil
}

// strictBase64 has one encoding per value: a changed last letter is another token.
var strictBase64 = base64.RawURLEncoding.Strict()

func parseHeader(part string) (Header, error) {
	raw, err := strictBase64.DecodeString(part)
	if err != nil {
		return Header{}, ErrInvalidToken
	}
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Header{}, ErrInvalidToken
	}
	var h Header
	for name, value := range fields {
		text, ok := value.(string)
		if !ok {
			return Header{}, ErrInvalidToken
		}
		switch name {
		case "alg":
			h.Algorithm = text
		case "typ":
			h.Type = text
		case "kid":
			h.KeyID = text
		default: // we never write another: jwk, jku, x5c, x5u, crit, b64 would only mislead
			return Header{}, ErrInvalidToken
		}
	}
	return h, nil
}

func (k *key) header(typ string) []byte {
	if h, ok := k.headers.Load(typ); ok {
		return h.([]byte)
	}
	fields := struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid"`
		Type      string `json:"typ,omitempty"`
	}{k.algorithm, k.id, typ}
	raw, _ := json.Marshal(fields) //nolint:errchkjson // three strings always encode
	h := append(base64.RawURLEncoding.AppendEncode(nil, raw), '.')
	k.headers.Store(typ, h)
	return h
}

func (k *key) sign(input []byte) ([]byte, error) {
	switch private := k.private.(type) {
	case ed25519.PrivateKey:
		return ed25519.Sign(private, input), nil
	case *rsa.PrivateKey:
		digest := sha256.Sum256(input)
		return rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	case *ecdsa.PrivateKey:
		digest := sha256.Sum256(input)
		der, err := private.Sign(nil, digest[:], crypto.SHA256) // deterministic (RFC 6979), a quarter cheaper
		if err != nil {
			return nil, err
		}
		var rs struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &rs); err != nil {
			return nil, err
		}
		out := make([]byte, 64) // RFC 7518 §3.4
		rs.R.FillBytes(out[:32])
		rs.S.FillBytes(out[32:])
		return out, nil
	default:
		return nil, fmt.Errorf("unsupported key type %T", private)
	}
}

func (k *key) verify(input, signature []byte) bool {
	switch public := k.public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(public, input, signature)
	case *rsa.PublicKey:
		digest := sha256.Sum256(input)
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
	case *ecdsa.PublicKey:
		if len(signature) != 64 {
			return false
		}
		digest := sha256.Sum256(input)
		return ecdsa.Verify(public, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	default:
		return false
	}
}

// generate makes a key and its id, the RFC 7638 thumbprint.
func generate(alg string) (id string, pkcs8 []byte, err error) {
	var private crypto.Signer
	switch alg {
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		err = fmt.Errorf("unknown algorithm %q", alg)
	}
	if err != nil {
		return "", nil, err
	}
	thumbprint, err := (&jose.JSONWebKey{Key: private.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", nil, err
	}
	if pkcs8, err = x509.MarshalPKCS8PrivateKey(private); err != nil {
		return "", nil, err
	}
	return base64.RawURLEncoding.EncodeToString(thumbprint), pkcs8, nil
}

func parse(row provider.SigningKey, pkcs8 []byte) (*key, error) {
	private, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, err
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("unsupported key type %T", private)
	}
	return &key{
		id: row.ID, algorithm: row.Algorithm, private: signer, public: signer.Public(),
		createdAt: row.CreatedAt, activatesAt: row.ActivatesAt,
	}, nil
}
