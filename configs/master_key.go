package configs

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/signet-id/signet/provider/secrets"
)

// errNoMasterKey repeats what Validate says, for a Config that was not validated.
var errNoMasterKey = errors.New("secrets.master_key is not set, and is generated for a loopback issuer only")

// MasterKeys returns the master key and the ones before it, for secrets.New. If none is set and the
// issuer is loopback, the key is the one in master.key of the data directory, which is made when it
// does not exist; of processes that start at once all get the same.
func (c Config) MasterKeys() (current []byte, previous [][]byte, err error) {
	if c.Secrets.MasterKey == "" && !c.Loopback() {
		return nil, nil, errNoMasterKey
	}
	for _, s := range c.Secrets.PreviousMasterKeys {
		key, err := decodeMasterKey(s)
		if err != nil {
			return nil, nil, fmt.Errorf("secrets.previous_master_keys: %w", err)
		}
		previous = append(previous, key)
	}
	if c.Secrets.MasterKey == "" {
		current, err = generatedMasterKey(c.DataDir)
		return current, previous, err
	}
	current, err = decodeMasterKey(c.Secrets.MasterKey)
	if err != nil {
		return nil, nil, fmt.Errorf("secrets.master_key: %w", err)
	}
	return current, previous, nil
}

// generatedMasterKey reads the key in dir, after making it if there is none.
func generatedMasterKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, "master.key")
	text, err := os.ReadFile(path) //nolint:gosec // G304: the operator names the directory
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeMasterKey(dir, path); err != nil {
			return nil, fmt.Errorf("make %s: %w", path, err)
		}
		text, err = os.ReadFile(path) //nolint:gosec // G304: as above
	}
	if err != nil {
		return nil, fmt.Errorf("read master key: %w", err)
	}
	key, err := decodeMasterKey(Secret(strings.TrimSpace(string(text))))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return key, nil
}

// makeMasterKey writes a new key to path unless there is one. The key is complete before it has its
// name, and a name is given once (link(2) is exclusive), so nobody reads half a key or a second one.
func makeMasterKey(dir, path string) (err error) {
	key := make([]byte, secrets.KeySize)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, "master.key.*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
