package configs

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMasterKeysOfTheSettings(t *testing.T) {
	c := production()
	c.DataDir = t.TempDir()
	c.Secrets.PreviousMasterKeys = []Secret{Secret(testKey)}
	current, previous, err := c.MasterKeys()
	require.NoError(t, err)
	require.Equal(t, "0123456789abcdef0123456789ABCDEF", string(current))
	require.Equal(t, [][]byte{current}, previous)
	require.NoFileExists(t, filepath.Join(c.DataDir, "master.key"))
}

func TestGeneratedMasterKeyIsKept(t *testing.T) {
	c := Default()
	c.DataDir = filepath.Join(t.TempDir(), "a", "data")
	first, _, err := c.MasterKeys()
	require.NoError(t, err)
	require.Len(t, first, 32)
	second, _, err := c.MasterKeys()
	require.NoError(t, err)
	require.Equal(t, first, second)

	entries, err := os.ReadDir(c.DataDir)
	require.NoError(t, err)
	require.Len(t, entries, 1, "only the key is left behind")
	info, err := entries[0].Info()
	require.NoError(t, err)
	require.Equal(t, "master.key", info.Name())
	require.Equal(t, os.FileMode(0o600), info.Mode())

	c.DataDir = t.TempDir()
	other, _, err := c.MasterKeys()
	require.NoError(t, err)
	require.NotEqual(t, first, other)
}

// Processes share nothing here but the directory, so callers at once stand for processes at once.
func TestProcessesThatStartAtOnceGetOneKey(t *testing.T) {
	for range 50 {
		c := Default()
		c.DataDir = filepath.Join(t.TempDir(), "data")
		keys := make([]string, 8)
		start := make(chan struct{})
		var callers sync.WaitGroup
		for i := range keys {
			callers.Go(func() {
				<-start
				key, _, err := c.MasterKeys()
				if err != nil {
					key = []byte(err.Error())
				}
				keys[i] = string(key)
			})
		}
		close(start)
		callers.Wait()
		for _, key := range keys {
			require.Len(t, key, 32, "%s", key)
			require.Equal(t, keys[0], key)
		}
	}
}

func TestMasterKeysAreRefused(t *testing.T) {
	c := Config{Issuer: "https://id.example.com", DataDir: t.TempDir()}
	_, _, err := c.MasterKeys()
	require.ErrorIs(t, err, errNoMasterKey)
	require.NoFileExists(t, filepath.Join(c.DataDir, "master.key"))

	c = production()
	c.Secrets.MasterKey = "hunter2"
	_, _, err = c.MasterKeys()
	require.EqualError(t, err, "secrets.master_key: a master key is not the base64 of 32 bytes")

	c = production()
	c.Secrets.PreviousMasterKeys = []Secret{"hunter2"}
	_, _, err = c.MasterKeys()
	require.EqualError(t, err, "secrets.previous_master_keys: a master key is not the base64 of 32 bytes")

	c = Default()
	c.DataDir = t.TempDir()
	path := filepath.Join(c.DataDir, "master.key")
	require.NoError(t, os.WriteFile(path, []byte("half a k"), 0o600))
	_, _, err = c.MasterKeys()
	require.EqualError(t, err, "read "+path+": a master key is not the base64 of 32 bytes")

	c.DataDir = path // a file, where nothing can be made
	_, _, err = c.MasterKeys()
	require.Error(t, err)
}
