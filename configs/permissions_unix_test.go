//go:build unix

package configs

import (
	"io/fs"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// ownedFile is a file of some user with some mode.
type ownedFile struct {
	fs.FileInfo
	owner int
	mode  fs.FileMode
}

func (f ownedFile) Mode() fs.FileMode { return f.mode }

func (f ownedFile) Sys() any { return &syscall.Stat_t{Uid: uint32(f.owner)} }

func TestTheGroupMayReadOnlyFilesThatWereHandedOver(t *testing.T) {
	self := os.Geteuid()
	for mode, want := range map[fs.FileMode]struct{ own, handedOver bool }{
		0o400: {false, false},
		0o600: {false, false},
		0o440: {true, false},
		0o640: {true, false},
		0o604: {true, true},
		0o644: {true, true},
		0o601: {true, true},
	} {
		require.Equal(t, want.own, exposed(ownedFile{owner: self, mode: mode}), "own file, %04o", mode)
		require.Equal(t, want.handedOver, exposed(ownedFile{owner: self + 1, mode: mode}), "file of another user, %04o", mode)
	}
}
