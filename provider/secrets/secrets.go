// Package secrets owns what is derived from the master key: the keys that authenticate tokens and
// the sealing of what is encrypted at rest. It does not know what the sealed values are, nor where
// they are stored.
package secrets

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// KeySize is the size of the master key and of every derived key, in bytes.
const KeySize = 32

// ErrSealed says that a sealed value cannot be opened: another master key, another place, or
// changed bytes.
var ErrSealed = errors.New("sealed value cannot be opened with this master key")

// Master is the master key and, during a change of it, the ones before.
type Master struct {
	keys [][]byte // current first
}

// New returns a Master. Every key has KeySize bytes.
func New(current []byte, previous ...[]byte) (*Master, error) {
	keys := append([][]byte{current}, previous...)
	for _, k := range keys {
		if len(k) != KeySize {
			return nil, fmt.Errorf("master key has %d bytes, want %d", len(k), KeySize)
		}
	}
	return &Master{keys: keys}, nil
}

// Derive returns the keys for one purpose, the current master's first. Purposes never share a key.
func (m *Master) Derive(purpose string) [][]byte {
	out := make([][]byte, len(m.keys))
	for i, k := range m.keys {
		out[i] = derive(k, purpose)
	}
	return out
}

// Seal encrypts a value (AES-256-GCM) for one place, such as "signing_keys/<kid>"; it opens only
// there.
func (m *Master) Seal(place string, plain []byte) ([]byte, error) {
	aead, err := newAEAD(m.keys[0])
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("read nonce: %w", err)
	}
	return aead.Seal(nonce, nonce, plain, []byte(place)), nil
}

// Open decrypts a value that was sealed for a place, with the current master key or one before it.
// The error is ErrSealed.
func (m *Master) Open(place string, sealed []byte) ([]byte, error) {
	for _, k := range m.keys {
		aead, err := newAEAD(k)
		if err != nil {
			return nil, err
		}
		if len(sealed) < aead.NonceSize() {
			return nil, ErrSealed
		}
		plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(place))
		if err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

func newAEAD(master []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(derive(master, "seal"))
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

func derive(master []byte, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, master, nil, "signet/"+purpose, KeySize)
	if err != nil {
		panic(err) // only for a length beyond HKDF's limit
	}
	return key
}
