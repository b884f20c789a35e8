package secrets_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signet-id/signet/provider/secrets"
)

func master(t *testing.T, fill byte, previous ...byte) *secrets.Master {
	t.Helper()
	var before [][]byte
	for _, p := range previous {
		before = append(before, bytes.Repeat([]byte{p}, secrets.KeySize))
	}
	m, err := secrets.New(bytes.Repeat([]byte{fill}, secrets.KeySize), before...)
	require.NoError(t, err)
	return m
}

func TestSealedValueOpensOnlyInItsPlaceAndUnchanged(t *testing.T) {
	m := master(t, 1)
	sealed, err := m.Seal("keys/a", []byte("private"))
	require.NoError(t, err)
	require.NotContains(t, string(sealed), "private")

	plain, err := m.Open("keys/a", sealed)
	require.NoError(t, err)
	require.Equal(t, "private", string(plain))

	_, err = m.Open("keys/b", sealed)
	require.ErrorIs(t, err, secrets.ErrSealed)
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		_, err = m.Open("keys/a", changed)
		require.ErrorIs(t, err, secrets.ErrSealed, "byte %d", i)
	}
	_, err = m.Open("keys/a", nil)
	require.ErrorIs(t, err, secrets.ErrSealed)
}

func TestMasterKeyCanBeChanged(t *testing.T) {
	sealed, err := master(t, 1).Seal("p", []byte("x"))
	require.NoError(t, err)
	plain, err := master(t, 2, 1).Open("p", sealed)
	require.NoError(t, err)
	require.Equal(t, "x", string(plain))
	_, err = master(t, 2).Open("p", sealed)
	require.ErrorIs(t, err, secrets.ErrSealed)

	derived := master(t, 2, 1).Derive("refresh")
	require.Equal(t, master(t, 2).Derive("refresh")[0], derived[0])
	require.Equal(t, master(t, 1).Derive("refresh")[0], derived[1])
	require.NotEqual(t, derived[0], master(t, 2).Derive("code")[0])
}

func TestMasterKeyOfWrongSizeIsRefused(t *testing.T) {
	_, err := secrets.New(make([]byte, 31))
	require.Error(t, err)
}
