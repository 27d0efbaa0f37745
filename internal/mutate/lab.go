package main

import (
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

// A lab is a copy of the module and, built from it, one program of tests for each package. The programs serve all
// mutants: they read the scripts from the folder that ONETIME_MUTANT names, where it has them.
type lab struct {
	dir    string
	all    []mutant
	tester *tester
}

// overlaid returns, by path, the files that differ from those of the repository at root: the text of a script is declared
// in them by another name, and a file beside them looks for it in the folder first.
func overlaid(root string, of []target) (map[string]string, error) {
	files := map[string]string{}
	for _, t := range of {
		text, err := os.ReadFile(filepath.Join(root, t.embeds))
		if err != nil {
			return nil, err
		}
		if strings.Count(string(text), t.declared) != 1 {
			return nil, fmt.Errorf("%s has no %q, or more than one", t.embeds, t.declared)
		}
		files[t.embeds] = strings.Replace(string(text), t.declared, t.renamed, 1)
		files[filepath.Join(filepath.Dir(t.embeds), "folder.go")] = t.fromFolder
	}
	return files, nil
}

func newLab(ctx context.Context, all []mutant) (_ *lab, err error) {
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	of := targetsOf(all)
	l := &lab{dir: dir, all: all, tester: newTester(ctx, dir, judges(of))}
	defer func() {
		if err != nil {
			os.RemoveAll(dir)
		}
	}()
	if err := copyTree(l.tester.tree); err != nil {
		return nil, err
	}
	replaced, err := overlaid(l.tester.tree, of)
	if err != nil {
		return nil, err
	}
	if err := l.tester.build(replaced); err != nil {
		return nil, err
	}
	return l, l.tester.baseline(false)
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

// build builds the tests of each package with some files replaced.
func (t *tester) build(replaced map[string]string) error {
	var pairs []string
	for name, text := range replaced {
		altered := filepath.Join(t.temp, strconv.Itoa(len(pairs))+".go")
		if err := os.WriteFile(altered, []byte(text), 0o600); err != nil {
			return err
		}
		pairs = append(pairs, fmt.Sprintf("%q: %q", filepath.Join(t.tree, name), altered))
	}
	slices.Sort(pairs)
	overlay := filepath.Join(t.temp, "overlay.json")
	if err := os.WriteFile(overlay, []byte(`{"Replace": {`+strings.Join(pairs, ", ")+`}}`), 0o600); err != nil {
		return err
	}
	for _, folder := range t.packages() {
		cmd := exec.CommandContext(t.ctx, "go", "test", "-c", "-ldflags=-s -w", "-overlay", overlay, "-o", t.program(folder), "./"+folder)
		cmd.Dir = t.tree
		cmd.Env = append(os.Environ(), "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("the tests of %s do not build: %w\n%s", folder, err, out)
		}
	}
	return nil
}

// try runs the tests on a mutant, on miniredis or on real servers.
func (l *lab) try(i int, servers bool) verdict {
	m := l.all[i]
	s := subject{folder: filepath.Join(l.dir, strconv.Itoa(i)), file: m.file, servers: servers}
	defer os.RemoveAll(s.folder)
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return verdict{err: err}
	}
	if err := os.WriteFile(filepath.Join(s.folder, filepath.Base(m.file)), []byte(m.text()), 0o600); err != nil {
		return verdict{err: err}
	}
	return l.tester.judge(s)
}
