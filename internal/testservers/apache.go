package testservers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	// apacheModules is where Debian's packages put Apache's modules.
	apacheModules = "/usr/lib/apache2/modules/"
	apacheOpenIDC = apacheModules + "mod_auth_openidc.so"
)

// StartApache starts an Apache with mod_auth_openidc. It serves / to everybody and /protected/ to whom the module knows,
// with the header X-User saying who that is. Settings are the module's; ${URL} in them is the server's own URL.
func StartApache(ctx context.Context, options Options) (*Server, error) {
	path, err := find("apache2")
	if err != nil {
		return nil, err
	}
	if _, err := find(apacheOpenIDC); err != nil {
		return nil, err
	}
	credential, err := credentialOf("www-data") // an Apache without User and Group stays who starts it, root excepted
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := makeDir("apache")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "apache.conf")
	addr := loopback(port)
	server := &Server{URL: "http://" + addr, Addr: addr, dir: dir}
	server.command = func(ctx context.Context) *exec.Cmd {
		cmd := exec.CommandContext(ctx, path, "-X", "-f", config) // one process, which is gone when it has ended
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
		return cmd
	}
	server.ready = func(ctx context.Context) error { return getPage(ctx, server.URL+"/") }

	if err = installApache(dir, config, credential, port, options.Settings); err == nil {
		err = server.Restart(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return server, nil
}

// installApache fills dir with the configuration and two pages.
func installApache(dir, config string, credential *syscall.Credential, port int, settings []string) error {
	pages := filepath.Join(dir, "pages")
	protected := filepath.Join(pages, "protected")
	if err := os.MkdirAll(protected, 0o700); err != nil {
		return fmt.Errorf("make server folder: %w", err)
	}
	index, protectedIndex := filepath.Join(pages, "index.html"), filepath.Join(protected, "index.html")
	log := filepath.Join(dir, "server.log")
	lines := []string{
		"Define URL http://" + loopback(port),
		"Listen 127.0.0.1:" + strconv.Itoa(port),
		"ServerName 127.0.0.1",
		"ServerRoot " + dir,
		"PidFile " + filepath.Join(dir, "apache.pid"),
		"DefaultRuntimeDir " + dir,
		"Mutex posixsem",
		"ErrorLog " + log,
	}
	for _, module := range []string{"mpm_event", "authn_core", "authz_core", "authz_user", "dir", "headers", "mime", "auth_openidc"} {
		lines = append(lines, "LoadModule "+module+"_module "+apacheModules+"mod_"+module+".so")
	}
	lines = append(
		append(lines, settings...),
		"TypesConfig /dev/null",
		"AddType text/html .html",
		"DocumentRoot "+pages,
		"DirectoryIndex index.html",
		"<Location />", "Require all granted", "</Location>",
		"<Location /protected/>",
		"AuthType openid-connect", "Require valid-user",
		`Header set X-User "expr=%{REMOTE_USER}"`,
		"</Location>",
	)
	err := errors.Join(
		writeLines(config, lines...),
		writeLines(log), // Apache opens it by itself
		writeLines(index, "<!doctype html><title>Apache</title><p>everybody"),
		writeLines(protectedIndex, "<!doctype html><title>Apache</title><p id=protected>the protected page"),
	)
	if err == nil && credential != nil {
		err = chown(credential, dir, config, log, pages, protected, index, protectedIndex)
	}
	return err
}

func getPage(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", url, response.Status)
	}
	return errors.Join(err, response.Body.Close())
}
