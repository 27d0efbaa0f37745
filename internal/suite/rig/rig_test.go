package rig_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Who imports the library shall not build what starts servers.
func TestRig_OnlyTestsImportIt(t *testing.T) {
	root := filepath.Join("..", "..", "..")
	users := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			if strings.Contains(spec.Path.Value, "/internal/suite/rig") {
				require.True(t, strings.HasSuffix(path, "_test.go"), path)
				users++
			}
		}
		return nil
	}))
	require.NotZero(t, users)
}
