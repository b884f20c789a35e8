package testservers

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// packages names the Debian package of each program that is started, and of modules by their path.
var packages = map[string]string{
	"apache2":            "apache2",
	apacheOpenIDC:        "libapache2-mod-auth-openidc",
	"mariadbd":           "mariadb-server",
	"mariadb-install-db": "mariadb-server",
	"redis-server":       "redis-server",
	"redis-sentinel":     "redis-sentinel",
}

// Install makes sure that every server program is there. It installs the Debian packages of missing ones when it runs
// as root where apt-get is, writing apt-get's output to out, and otherwise fails naming what to install.
func Install(ctx context.Context, out io.Writer) error {
	missing := missingPackages()
	if len(missing) == 0 {
		return nil
	}
	aptGet, err := exec.LookPath("apt-get")
	if err != nil || os.Geteuid() != 0 {
		return fmt.Errorf("test servers are missing; install them: apt-get install %s", strings.Join(missing, " "))
	}
	for _, args := range [][]string{
		{"update"},
		append([]string{"install", "--yes", "--no-install-recommends"}, missing...),
	} {
		cmd := exec.CommandContext(ctx, aptGet, args...)
		// policy-rc.d would be the other way to keep packages from starting their service; RUNLEVEL=1 is without a file.
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
		cmd.Stdout, cmd.Stderr = out, out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
		}
	}
	if missing := missingPackages(); len(missing) > 0 {
		return fmt.Errorf("still missing after installation: %s", strings.Join(missing, " "))
	}
	return nil
}

func missingPackages() []string {
	var missing []string
	for program, pkg := range packages {
		if _, err := find(program); err != nil && !slices.Contains(missing, pkg) {
			missing = append(missing, pkg)
		}
	}
	slices.Sort(missing)
	return missing
}

// find returns the path of a server program, also from /usr/sbin, which is not in every user's PATH, or of a module.
func find(program string) (string, error) {
	if filepath.IsAbs(program) {
		if _, err := os.Stat(program); err != nil {
			return "", fmt.Errorf("%s is not installed; install the Debian package %s", program, packages[program])
		}
		return program, nil
	}
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(filepath.Join("/usr/sbin", program))
	if err != nil {
		return "", fmt.Errorf("%s is not installed; install the Debian package %s", program, packages[program])
	}
	return path, nil
}
