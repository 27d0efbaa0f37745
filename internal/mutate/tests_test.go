package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// lua is a subject of that file whose folder holds mutant.lua with a text, which the tests of newModule read.
func lua(t *testing.T, text string) subject {
	t.Helper()
	s := subject{folder: t.TempDir(), file: "lua/a.lua"}
	require.NoError(t, os.WriteFile(filepath.Join(s.folder, "mutant.lua"), []byte(text), 0o600))
	return s
}

// newModule builds a tester of a module of two packages. Each test fails if the mutant's text is its name. TestOdd fails
// every other time, TestBroken always.
func newModule(t *testing.T) *tester {
	t.Helper()
	judges := newTester(t.Context(), t.TempDir(), map[string][]string{"lua": {".", "sub"}})
	const common = `
import ("os"; "testing")

func check(t *testing.T) {
	if b, _ := os.ReadFile(os.Getenv("ONETIME_MUTANT") + "/mutant.lua"); string(b) == t.Name() { t.Fatal("found") }
}
func TestA(t *testing.T) { check(t) }
func TestB(t *testing.T) { check(t) }
`
	for name, text := range map[string]string{
		"go.mod":    "module example.com/a\n",
		"a_test.go": "package a" + common + `func TestBroken(t *testing.T) { t.Fatal("always") }`,
		"sub/s_test.go": "package sub" + common + `
func TestC(t *testing.T) { check(t) }
func TestEnd(t *testing.T) {
	if b, _ := os.ReadFile(os.Getenv("ONETIME_MUTANT") + "/mutant.lua"); string(b) == "end" { os.Exit(3) }
}
func TestOdd(t *testing.T) {
	marker := os.Getenv("ONETIME_MUTANT") + "/odd"
	if b, _ := os.ReadFile(os.Getenv("ONETIME_MUTANT") + "/mutant.lua"); string(b) != "odd" { return }
	if os.Remove(marker) != nil { os.WriteFile(marker, nil, 0o600); t.Fatal("every other time") }
}
`,
	} {
		path := filepath.Join(judges.tree, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	require.NoError(t, judges.build(nil))
	require.NoError(t, judges.baseline(false))
	return judges
}

func TestTester_JudgesByTheTestsOfAllPackages(t *testing.T) {
	if testing.Short() {
		t.Skip("builds programs")
	}
	judges := newModule(t)
	require.Equal(t, []test{{".", "TestBroken"}}, judges.leftOut[false], "or it would find everything")

	require.Equal(t, verdict{}, judges.judge(lua(t, "")))
	require.Equal(t, verdict{by: "sub.TestC"}, judges.judge(lua(t, "TestC")))
	require.Equal(t, verdict{by: "TestB"}, judges.judge(lua(t, "TestB")))
	require.Equal(t, []test{{".", "TestB"}, {"sub", "TestC"}}, judges.known(lua(t, "")), "the latest first")
	require.Equal(t, verdict{by: "a run that breaks off"}, judges.judge(lua(t, "end")))
	require.Equal(t, verdict{sometimes: []test{{"sub", "TestOdd"}}}, judges.judge(lua(t, "odd")))
}

func TestTester_WhatFoundNeighboursGoesFirst(t *testing.T) {
	judges := newTester(t.Context(), "dir", map[string][]string{"lua": {".", "sub"}, "caps": {"caps"}})
	s := subject{file: "lua/a.lua"}
	require.Equal(t, []round{{folder: "."}, {folder: "sub"}}, judges.rounds(s))
	judges.found(s, test{"sub", "TestC"})
	judges.found(s, test{"sub", "TestA"})
	judges.found(s, test{"sub", "TestC"})
	require.Equal(t, []round{{folder: "sub", only: []string{"TestC", "TestA"}}, {folder: "."}, {folder: "sub", skip: []string{"TestC", "TestA"}}},
		judges.rounds(s))
	require.Equal(t, []round{{folder: "."}, {folder: "sub"}}, judges.rounds(subject{file: "lua/b.lua"}), "of another file nothing is known")
	require.Equal(t, []round{{folder: "caps"}}, judges.rounds(subject{file: "caps/c.lua"}), "other folders have other judges")
	s.servers = true
	require.Equal(t, []round{{folder: "."}, {folder: "sub"}}, judges.rounds(s), "nor of real servers")
}

func TestOverlay_ReplacesWhatReadsTheScripts(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := overlaid(root, targets)
	require.NoError(t, err)
	require.NotContains(t, files["scripts.go"], "func scriptText(")
	require.Contains(t, files["folder.go"], "func scriptText(")
	require.NotContains(t, files["internal/limit/limit.go"], "var source string")
	require.Contains(t, files["internal/limit/folder.go"], "var source = ")
	for _, of := range targets {
		for _, folder := range of.packages {
			found, err := filepath.Glob(filepath.Join(root, folder, "*_test.go"))
			require.NoError(t, err)
			require.NotEmpty(t, found, folder)
		}
		of.declared = "var elsewhere"
		_, err = overlaid(root, []target{of})
		require.ErrorContains(t, err, "var elsewhere")
	}
}

// A folder of scripts that the tool does not know would never be judged.
func TestTargets_AreAllFoldersOfScripts(t *testing.T) {
	root := filepath.Join("..", "..")
	folders := map[string]bool{}
	require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".lua" {
			folder, _ := filepath.Rel(root, filepath.Dir(path))
			folders[filepath.ToSlash(folder)] = true
		}
		return err
	}))
	known := map[string]bool{}
	for _, one := range targets {
		known[one.folder] = true
	}
	require.Equal(t, folders, known)
}
