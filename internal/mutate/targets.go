package main

import (
	"path"
	"slices"
)

// A target is a folder of scripts, and the packages whose tests judge them, as folders, the quickest first. The tests of
// other packages send no script anything that these do not send.
type target struct {
	folder   string
	packages []string

	// The file that embeds the scripts, a declaration in it, which becomes renamed, and a file beside it that takes over
	// what was declared.
	embeds, declared, renamed, fromFolder string
}

var targets = []target{
	{
		folder: "lua", packages: []string{".", "internal/once", "internal/suite"},
		embeds: "scripts.go", declared: "func scriptText(name string)", renamed: "func embedded(name string)",
		fromFolder: `package onetime

import (
	"os"
	"path/filepath"
)

func scriptText(name string) string {
	if b, err := os.ReadFile(filepath.Join(os.Getenv("ONETIME_MUTANT"), name+".lua")); err == nil {
		return string(b)
	}
	return embedded(name)
}
`,
	},
	{
		folder: "internal/limit", packages: []string{"internal/limit"},
		embeds: "internal/limit/limit.go", declared: "var source string", renamed: "var embedded string",
		fromFolder: `package limit

import (
	"os"
	"path/filepath"
)

var source = fromFolder()

func fromFolder() string {
	if b, err := os.ReadFile(filepath.Join(os.Getenv("ONETIME_MUTANT"), "cap.lua")); err == nil {
		return string(b)
	}
	return embedded
}
`,
	},
}

// targetsOf returns those that mutants are of.
func targetsOf(all []mutant) []target {
	return slices.DeleteFunc(slices.Clone(targets), func(t target) bool {
		return !slices.ContainsFunc(all, func(m mutant) bool { return path.Dir(m.file) == t.folder })
	})
}

// judges returns the packages of some targets, by folder of the scripts.
func judges(of []target) map[string][]string {
	packages := map[string][]string{}
	for _, t := range of {
		packages[t.folder] = t.packages
	}
	return packages
}
