package rig

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Root returns the folder of the module, seen from that of the test.
func Root(t testing.TB) string {
	t.Helper()
	for folder := "."; ; folder = filepath.Join("..", folder) {
		if _, err := os.Stat(filepath.Join(folder, "lua", "common.lua")); err == nil {
			return folder
		}
		if path, err := filepath.Abs(folder); err != nil || filepath.Dir(path) == path {
			require.NoError(t, errors.Join(errors.New("no folder above has lua/common.lua"), err))
		}
	}
}

// Text returns a file of the module.
func Text(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(t), filepath.FromSlash(path)))
	require.NoError(t, err)
	return string(text)
}

// Documents are the texts of README.md and of all in docs, by path.
func Documents(t testing.TB) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(Root(t), "docs", "*.md"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	texts := map[string]string{"README.md": Text(t, "README.md")}
	for _, path := range paths {
		name := "docs/" + filepath.Base(path)
		texts[name] = Text(t, name)
	}
	return texts
}
