// Package signet_test keeps the shape of the whole module: which package may import which (docs/architecture.md), and
// which modules the program is made of.
package signet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/signet-id/signet"

// A listedPackage is what the arrows need of `go list -json`. Its imports are those without tests: tests may use real
// stores and servers, which their package must not know.
type listedPackage struct {
	ImportPath string
	Imports    []string
}

// A rule is for one room: a folder and what is below it.
type rule struct {
	// rooms of ours that it may import, or their keys in rules; anything stands for all that are not for tests alone.
	rooms []string
	// closed are packages that it must not import, although no fence protects them.
	closed []string
	// fenced are libraries that it may import although another room owns them; anything stands for all.
	fenced []string
}

const (
	anything    = "*"
	mysqlDriver = "github.com/go-sql-driver/"
)

// The domain says what an identity provider is, and knows neither HTTP nor SQL.
var (
	domain  = []string{"provider", "provider/*"}
	outside = []string{"net/http", "database/sql"}
)

// rules are the rooms; "storage/*" is each folder in storage that has no rule of its own. A package in none of them
// is a fault: somebody has to decide where it belongs.
var rules = map[string]rule{
	"cmd/*":         {rooms: []string{anything}, fenced: []string{anything}},
	"configs":       {rooms: domain},
	"handlers":      {rooms: append([]string{"templates", "provider/oidc"}, domain...)},
	"templates":     {rooms: domain},
	"provider":      {closed: outside},
	"provider/*":    {rooms: domain, closed: outside},
	"provider/oidc": {rooms: domain},
	"storage/*":     {rooms: domain},
	"internal/*":    {rooms: domain},
	// It compares with what the libraries cost alone.
	"bench":      {rooms: []string{anything, "internal/testservers"}, fenced: []string{anything}},
	"examples/*": {}, // Other people's programs: they know the protocol and none of our packages.

	"internal/testservers":              {fenced: []string{mysqlDriver}},
	"storage/storagetest":               {rooms: domain},
	"storage/sqlstore/sqlstoretest":     {rooms: append([]string{"storage/sqlstore"}, domain...), fenced: []string{mysqlDriver}},
	"storage/redisstore/redisstoretest": {rooms: append([]string{"storage/redisstore"}, domain...)},
}

// forTests are the rooms that no program contains.
var forTests = []string{"internal/testservers", "storage/storagetest", "storage/sqlstore/sqlstoretest", "storage/redisstore/redisstoretest"}

// fences name the one room that knows a library, by the start of the library's import paths.
var fences = map[string]string{
	"github.com/ory/":                "provider/oidc",
	"github.com/go-jose/go-jose/v3/": "provider/oidc",
	"github.com/gin-gonic/":          "handlers",
	"gorm.io/":                       "storage/sqlstore",
	"modernc.org/":                   "storage/sqlstore",
	mysqlDriver:                      "storage/sqlstore",
	"github.com/pressly/goose/":      "storage/sqlstore",
	"github.com/redis/":              "storage/redisstore",
}

// roomOf returns the room of a package of ours and the key of its rule.
func roomOf(importPath string) (room, key string, ok bool) {
	elements := strings.Split(strings.TrimPrefix(importPath, module+"/"), "/")
	for n := len(elements); n > 0; n-- {
		folder := strings.Join(elements[:n], "/")
		if _, ok := rules[folder]; ok {
			return folder, folder, true
		}
		wildcard := strings.Join(append(slices.Clone(elements[:n-1]), "*"), "/")
		if _, ok := rules[wildcard]; ok {
			return folder, wildcard, true
		}
	}
	return "", "", false
}

// wrongArrows returns a sentence for each import that goes the wrong way.
func wrongArrows(packages []listedPackage) []string {
	var wrong []string
	technologies := map[string]string{} // of each room in internal
	for _, pkg := range packages {
		if pkg.ImportPath == module {
			continue // this test
		}
		room, key, ok := roomOf(pkg.ImportPath)
		if !ok {
			wrong = append(wrong, pkg.ImportPath+" is in no room: give it a rule in arrows_test.go")
			continue
		}
		for _, imported := range pkg.Imports {
			if !mayImport(room, key, imported) {
				wrong = append(wrong, pkg.ImportPath+" must not import "+imported)
			}
			technology := technologyOf(imported)
			if key != "internal/*" || technology == "" {
				continue
			}
			if known, ok := technologies[room]; ok && known != technology {
				wrong = append(wrong, fmt.Sprintf("%s knows %s and %s: each folder in internal knows one technology", room, known, technology))
			}
			technologies[room] = technology
		}
	}
	return wrong
}

func mayImport(room, key, imported string) bool {
	if strings.HasPrefix(imported, module+"/") {
		otherRoom, otherKey, ok := roomOf(imported)
		return ok && (otherRoom == room ||
			slices.Contains(rules[key].rooms, otherRoom) ||
			slices.Contains(rules[key].rooms, otherKey) ||
			slices.Contains(rules[key].rooms, anything) && !slices.Contains(forTests, otherKey))
	}
	for library, owner := range fences {
		if strings.HasPrefix(imported+"/", library) && room != owner &&
			!slices.Contains(rules[key].fenced, anything) && !slices.Contains(rules[key].fenced, library) {
			return false
		}
	}
	return !slices.Contains(rules[key].closed, imported)
}

// technologyOf returns who makes an imported library, such as go.opentelemetry.io or github.com/wneessen, and nothing
// for our own packages and for those of Go's makers.
func technologyOf(importPath string) string {
	host, rest, _ := strings.Cut(importPath, "/")
	owner, _, _ := strings.Cut(rest, "/")
	switch {
	case !strings.Contains(host, "."), host == "golang.org", strings.HasPrefix(importPath, module+"/"):
		return ""
	case host == "github.com":
		return host + "/" + owner
	}
	return host
}

func TestImportsGoOneWay(t *testing.T) {
	t.Parallel()
	decoder := json.NewDecoder(bytes.NewReader(goList(t, "-json=ImportPath,Imports", "./...")))
	var packages []listedPackage
	for {
		var pkg listedPackage
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		packages = append(packages, pkg)
	}
	require.NotEmpty(t, packages)
	require.Empty(t, wrongArrows(packages))
}

func TestArrowRules(t *testing.T) {
	t.Parallel()
	cases := []struct {
		importer, imported string
		right              bool
	}{
		{"provider", "time", true},
		{"provider", "./provider/keys", false},
		{"provider", "net/http", false},
		{"provider", "database/sql", false},
		{"provider", "github.com/ory/fosite", false},
		{"provider", "github.com/gin-gonic/gin", false},
		{"provider", "gorm.io/gorm", false},
		{"provider", "github.com/redis/go-redis/v9", false},
		{"provider/accounts", "./provider", true},
		{"provider/accounts", "./provider/passwords", true},
		{"provider/accounts", "./provider/oidc", false},
		{"provider/accounts", "net/http", false},
		{"provider/accounts", "./storage/sqlstore", false},
		{"provider/keys", "github.com/go-jose/go-jose/v4", true},
		{"provider/keys", "github.com/go-jose/go-jose/v3", false},
		{"provider/oidc", "./provider/keys", true},
		{"provider/oidc", "net/http", true},
		{"provider/oidc", "github.com/ory/fosite/handler/oauth2", true},
		{"provider/oidc", "github.com/go-jose/go-jose/v3", true},
		{"provider/oidc", "github.com/gin-gonic/gin", false},
		{"provider/oidc", "./handlers", false},
		{"handlers", "./provider/oidc", true},
		{"handlers", "./templates", true},
		{"handlers", "github.com/gin-gonic/gin", true},
		{"handlers", "github.com/ory/fosite", false},
		{"handlers", "./storage/sqlstore", false},
		{"handlers", "./configs", false},
		{"templates", "./handlers", false},
		{"configs", "./provider/secrets", true},
		{"configs", "./handlers", false},
		{"storage/sqlstore", "./provider", true},
		{"storage/sqlstore", "gorm.io/gorm/clause", true},
		{"storage/sqlstore", "modernc.org/sqlite", true},
		{"storage/sqlstore", "github.com/go-sql-driver/mysql", true},
		{"storage/sqlstore", "github.com/pressly/goose/v3", true},
		{"storage/sqlstore", "github.com/redis/go-redis/v9", false},
		{"storage/sqlstore", "./storage/redisstore", false},
		{"storage/sqlstore", "./storage/storagetest", false},
		{"storage/redisstore", "github.com/redis/go-redis/v9", true},
		{"storage/redisstore", "gorm.io/gorm", false},
		{"storage/redisstore", "github.com/go-sql-driver/mysql", false},
		{"storage/redisstore", "./provider/oidc", false},
		{"storage/sqlstore/sqlstoretest", "./storage/sqlstore", true},
		{"storage/storagetest", "./provider", true},
		{"storage/storagetest", "./storage/sqlstore", false},
		{"internal/mail", "github.com/wneessen/go-mail", true},
		{"internal/mail", "./provider", true},
		{"internal/mail", "./internal/telemetry", false},
		{"internal/mail/templates", "./internal/mail", true},
		{"internal/mail", "github.com/redis/go-redis/v9", false},
		{"internal/testservers/run", "./internal/testservers", true},
		{"cmd/signet", "./storage/redisstore", true},
		{"cmd/signet", "github.com/redis/go-redis/v9", true},
		{"cmd/signet", "./storage/storagetest", false},
		{"cmd/signet", "./storage/sqlstore/sqlstoretest", false},
		{"cmd/signet", "./internal/testservers", false},
		{"internal/testservers", "github.com/go-sql-driver/mysql", true},
		{"internal/testservers", "github.com/redis/go-redis/v9", false},
		{"bench", "./internal/testservers", true},
		{"bench/floors", "github.com/gin-gonic/gin", true},
		{"bench/barehandler", "github.com/gin-gonic/gin", true},
		{"examples/spa", "./provider", false},
		{"misc", "time", false},
	}
	for _, c := range cases {
		// Without slashes, or the library redis would be counted as tests on that store.
		name := strings.ReplaceAll(c.importer+" imports "+c.imported, "/", "|")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			imported := strings.Replace(c.imported, "./", module+"/", 1)
			wrong := wrongArrows([]listedPackage{{module + "/" + c.importer, []string{imported}}})
			require.Equal(t, c.right, len(wrong) == 0, "%q", wrong)
		})
	}
	t.Run("a folder in internal knows one technology", func(t *testing.T) {
		t.Parallel()
		packages := []listedPackage{
			{module + "/internal/telemetry", []string{"go.opentelemetry.io/otel", "golang.org/x/sync/errgroup"}},
			{module + "/internal/telemetry/http", []string{"go.opentelemetry.io/contrib/otelhttp"}},
		}
		require.Empty(t, wrongArrows(packages))
		packages[1].Imports = append(packages[1].Imports, "github.com/wneessen/go-mail")
		require.Len(t, wrongArrows(packages), 1)
	})
}

var update = flag.Bool("update", false, "write testdata/allowed_modules.txt anew, for review")

func TestOnlyAllowedModulesAreLinked(t *testing.T) {
	t.Parallel()
	const file = "testdata/allowed_modules.txt"
	linked := strings.Fields(string(goList(t, "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "./cmd/signet")))
	slices.Sort(linked)
	linked = slices.Compact(linked)
	require.Contains(t, linked, module, "what is listed is not the program")
	linked = slices.DeleteFunc(linked, func(path string) bool { return path == module })

	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var comments, allowed []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") {
			comments = append(comments, line)
		} else {
			allowed = append(allowed, line)
		}
	}
	if *update {
		lines := strings.Join(append(comments, linked...), "\n") + "\n"
		require.NoError(t, os.WriteFile(file, []byte(lines), 0o644))
		return
	}
	linked = slices.DeleteFunc(linked, func(path string) bool { return slices.Contains(allowed, path) })
	require.Empty(t, linked, "modules that %s does not list: a new dependency needs a decision record", file)
}

// goList runs go list as the program is built, whatever this machine is. What does not compile is for others to say (-e).
func goList(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-tags", "nomsgpack"}, args...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return out
}
