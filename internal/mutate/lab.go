package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A lab is a copy of the module and, built from it, the tests in a program that serves almost all mutants: it reads the
// scripts from the folder that ONETIME_MUTANT names, and of the Go functions it runs the mutant with the folder's number.
type lab struct {
	ctx                context.Context // of the program
	dir, tree, program string
	all                []mutant
	unbuilt, constants map[int]bool // mutants that do not compile, and those that need a build of their own
	tests              tester
}

const (
	notBuilt = "the compiler"

	fromFolder = `package onetime

import (
	"os"
	"path/filepath"
	"strconv"
)

var mutantFolder = os.Getenv("ONETIME_MUTANT")

var chosenMutant, _ = strconv.Atoi(filepath.Base(mutantFolder))

func scriptText(name string) string {
	if b, err := os.ReadFile(filepath.Join(mutantFolder, name+".lua")); err == nil {
		return string(b)
	}
	return embedded(name)
}
`
)

func newLab(ctx context.Context, all []mutant) (_ *lab, err error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	l := &lab{ctx: ctx, dir: dir, tree: filepath.Join(dir, "tree"), program: filepath.Join(dir, "onetime.test"), all: all,
		unbuilt: map[int]bool{}, constants: map[int]bool{}}
	l.tests = tester{ctx: ctx, temp: dir, tree: l.tree, program: l.program, leftOut: map[bool][]string{}, finders: map[string][]string{}}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if err := copyTree(l.tree); err != nil {
		return nil, err
	}
	replaced, err := l.schemata()
	if err != nil {
		return nil, err
	}
	scripts, err := os.ReadFile(filepath.Join(l.tree, "scripts.go"))
	if err != nil {
		return nil, err
	}
	const declared = "func scriptText(name string)"
	if bytes.Count(scripts, []byte(declared)) != 1 {
		return nil, fmt.Errorf("scripts.go has no %q", declared)
	}
	replaced["scripts.go"] = strings.Replace(string(scripts), declared, "func embedded(name string)", 1)
	replaced["folder.go"] = fromFolder
	if out, err := l.build(dir, l.program, replaced); err != nil {
		return nil, fmt.Errorf("the tests do not build: %w\n%s", err, out)
	}
	return l, l.tests.baseline(false)
}

// schemata returns the Go files with all of their mutants, and notes those that do not compile or need a build each.
func (l *lab) schemata() (map[string]string, error) {
	check, err := newChecker(l.tree)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	for _, file := range goSources {
		source, err := os.ReadFile(filepath.Join(l.tree, file))
		if err != nil {
			return nil, err
		}
		var numbers []int
		for i, m := range l.all {
			if m.file != file {
				continue
			}
			if l.unbuilt[i] = check.with(file, m.text()) != nil; !l.unbuilt[i] {
				numbers = append(numbers, i)
			}
		}
		text, outside, err := schema(file, string(source), l.all, numbers)
		if err != nil {
			return nil, err
		}
		texts[file] = text
		for _, i := range outside {
			l.constants[i] = true
		}
	}
	return texts, nil
}

// copyTree copies the module, so that edits meanwhile do no harm.
func copyTree(to string) error {
	return filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == ".git" {
				return fs.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, path), 0o700)
		}
		if !entry.Type().IsRegular() || entry.Name() == ".git" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, path), text, 0o600)
	})
}

// build builds the tests with some files of the module replaced; the new ones are put into folder.
func (l *lab) build(folder, program string, replaced map[string]string) ([]byte, error) {
	var pairs []string
	for name, text := range replaced {
		altered := filepath.Join(folder, name)
		if err := os.WriteFile(altered, []byte(text), 0o600); err != nil {
			return nil, err
		}
		pairs = append(pairs, fmt.Sprintf("%q: %q", filepath.Join(l.tree, name), altered))
	}
	slices.Sort(pairs)
	overlay := filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(overlay, []byte(`{"Replace": {`+strings.Join(pairs, ", ")+`}}`), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(l.ctx, "go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay, "-o", program, ".")
	cmd.Dir = l.tree
	cmd.Env = append(os.Environ(), "GOWORK=off")
	return cmd.CombinedOutput()
}

// try runs the tests on a mutant, on miniredis or on real servers.
func (l *lab) try(i int, servers bool) verdict {
	if l.unbuilt[i] {
		return verdict{by: notBuilt}
	}
	m := l.all[i]
	s := subject{program: l.program, folder: filepath.Join(l.dir, strconv.Itoa(i)), file: m.file, servers: servers}
	defer os.RemoveAll(s.folder)
	err := os.MkdirAll(s.folder, 0o700)
	if err != nil {
		return verdict{err: err}
	}
	switch {
	case strings.HasSuffix(m.file, ".lua"):
		err = os.WriteFile(filepath.Join(s.folder, filepath.Base(m.file)), []byte(m.text()), 0o600)
	case l.constants[i]:
		s.program = filepath.Join(s.folder, "onetime.test")
		var out []byte
		if out, err = l.build(s.folder, s.program, map[string]string{m.file: m.text()}); err != nil {
			err = fmt.Errorf("%w\n%s", err, out)
		}
	}
	if err != nil {
		return verdict{err: err}
	}
	return l.tests.judge(s)
}
