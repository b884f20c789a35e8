package testservers

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// credentialOf returns an account when this program is root, for servers that refuse to be, and nil otherwise. Their
// process starts under it rather than change to it by itself: a change would lose dieWithParent.
func credentialOf(name string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // No credential is "as we are".
	}
	account, err := user.Lookup(name)
	if err != nil {
		return nil, fmt.Errorf("find the user that runs the server: %w", err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func chown(owner *syscall.Credential, paths ...string) error {
	for _, path := range paths {
		if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			return fmt.Errorf("give files to the server: %w", err)
		}
	}
	return nil
}
