package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadme_InAWebAppIsTheProgram(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(readme), "\n## In a web app\n")
	require.True(t, found, "README.md has no section \"In a web app\"")
	section, _, _ = strings.Cut(section, "\n## ")
	require.Less(t, strings.Count("## In a web app\n"+section, "\n"), 30)
	_, block, found := strings.Cut(section, "\n```go\n")
	require.True(t, found, "the section has no block of Go code")
	block, _, found = strings.Cut(block, "```\n")
	require.True(t, found, "the block of Go code has no end")

	program, err := os.ReadFile("main.go")
	require.NoError(t, err)
	require.Contains(t, string(program), "\n"+block, "the block of Go code and main.go")
	// All of the function, not a piece of it that says too little.
	require.True(t, strings.HasPrefix(block, "func (a *app) mount(") && strings.HasSuffix(block, "\n}\n"), block)
}
