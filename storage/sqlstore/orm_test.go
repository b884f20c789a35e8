package sqlstore

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAStatementNeedsACondition(t *testing.T) {
	s := memoryStore(t)
	_, err := s.update(t.Context(), "users", columns{"active": false}, "")
	require.ErrorIs(t, err, errNoCondition)
	require.ErrorIs(t, s.take(t.Context(), &userRow{}, ""), errNoCondition)
	require.ErrorIs(t, s.find(t.Context(), &[]userRow{}, "id", 0, ""), errNoCondition)
}

func TestAConditionTakesPlainValuesOnly(t *testing.T) {
	s := memoryStore(t)
	for _, value := range []any{[]any{1, 2}, []string{"a"}, map[string]any{"id": 1}, userRow{}, 1.5, &userRow{}} {
		require.Error(t, s.take(t.Context(), &userRow{}, "id = ?", value), "%T", value)
	}
}

// TestNoOtherFileReachesGORM keeps the traps of GORM (struct and map conditions, Save, Updates of a
// struct, input as SQL) impossible: they take a *gorm.DB, which only orm.go has, or input turned
// into sqlText.
func TestNoOtherFileReachesGORM(t *testing.T) {
	mayNameGORM := map[string]bool{
		"orm.go": true, "store.go": true, "errors.go": true, "logger.go": true, "dialect_mysql.go": true, "dialect_sqlite.go": true,
	}
	// These may not be called anywhere, orm.go included.
	forbidden := map[string]bool{
		"Save": true, "UpdateColumn": true, "UpdateColumns": true, "Update": true, "First": true, "Last": true,
		"FirstOrCreate": true, "FirstOrInit": true, "Raw": true, "Exec": true, "Not": true, "Or": true,
		"AutoMigrate": true, "Delete": true, "Attrs": true, "Assign": true, "Select": true,
	}
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	files := 0
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, name, nil, 0)
		require.NoError(t, err)
		for _, spec := range file.Imports {
			if strings.Contains(spec.Path.Value, "gorm.io/") {
				require.True(t, mayNameGORM[name], "%s imports %s: go through orm.go", name, spec.Path.Value)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			switch f := call.Fun.(type) {
			case *ast.SelectorExpr:
				if pkg, ok := f.X.(*ast.Ident); !ok || pkg.Name != "cmp" {
					require.False(t, forbidden[f.Sel.Name], "%s calls %s", set.Position(call.Pos()), f.Sel.Name)
				}
				if inner, ok := f.X.(*ast.SelectorExpr); ok && (inner.Sel.Name == "write" || inner.Sel.Name == "read") {
					require.Equal(t, "orm.go", name, "%s uses a pool of GORM", set.Position(call.Pos()))
				}
			case *ast.Ident:
				if f.Name == "sqlText" {
					require.Equal(t, "expired.go", name, "%s turns a string into SQL", set.Position(call.Pos()))
				}
			}
			return true
		})
	}
	require.Greater(t, files, 10)
}

func memoryStore(t *testing.T) *Store {
	t.Helper()
	s, err := Open(t.Context(), "sqlite::memory:", Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(t.Context()))
	return s
}
