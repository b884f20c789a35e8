//go:build unix

package configs

import (
	"io/fs"
	"os"
	"syscall"
)

// exposed tells whether others than this process's user can read a file. The group may read a file
// that belongs to someone else: that is how systemd and Kubernetes hand a secret to an unprivileged
// process.
func exposed(info fs.FileInfo) bool {
	const group, others = 0o070, 0o007
	stat, ok := info.Sys().(*syscall.Stat_t)
	handedOver := ok && int(stat.Uid) != os.Geteuid()
	return info.Mode()&others != 0 || info.Mode()&group != 0 && !handedOver
}
