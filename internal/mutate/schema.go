package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// schema is a Go file in which every function holds, before its body, the bodies of its mutants. chosenMutant, a variable
// of the package, says which of them runs: so one build serves them all. numbers are those of the mutants; the ones that
// lie outside of functions, in constants, have no place in it.
func schema(file, source string, all []mutant, numbers []int) (text string, outside []int, err error) {
	files := token.NewFileSet()
	tree, err := parser.ParseFile(files, file, source, parser.SkipObjectResolution)
	if err != nil {
		return "", nil, err
	}
	at := func(p token.Pos) int { return files.Position(p).Offset }
	outside = slices.Clone(numbers)
	var out strings.Builder
	done := 0
	for _, declared := range tree.Decls {
		function, ok := declared.(*ast.FuncDecl)
		if !ok || function.Body == nil {
			continue
		}
		first, last := at(function.Body.Lbrace)+1, at(function.Body.Rbrace)
		out.WriteString(source[done:first])
		done = first
		for _, number := range numbers {
			m := all[number]
			if m.start < first || m.end > last {
				continue
			}
			end := "}\n"
			if function.Type.Results == nil {
				end = "return }\n"
			}
			fmt.Fprintf(&out, "\nif chosenMutant == %d {%s%s%s\n%s", number, source[first:m.start], m.to, source[m.end:last], end)
			outside = slices.DeleteFunc(outside, func(n int) bool { return n == number })
		}
	}
	out.WriteString(source[done:])
	return out.String(), outside, nil
}

// A checker tells whether the package compiles with one file altered, without compiling it.
type checker struct {
	files    *token.FileSet
	imported types.Importer
	parsed   map[string]*ast.File // of the package as it is
}

func newChecker(tree string) (*checker, error) {
	listed, err := goList(tree, "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}")
	if err != nil {
		return nil, err
	}
	exports := map[string]string{}
	for line := range strings.Lines(listed) {
		path, export, _ := strings.Cut(strings.TrimSpace(line), "\t")
		exports[path] = export
	}
	names, err := goList(tree, "-f", `{{join .GoFiles "\n"}}`)
	if err != nil {
		return nil, err
	}
	c := &checker{files: token.NewFileSet(), parsed: map[string]*ast.File{}}
	c.imported = importer.ForCompiler(c.files, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, name := range strings.Fields(names) {
		if c.parsed[name], err = parser.ParseFile(c.files, filepath.Join(tree, name), nil, parser.SkipObjectResolution); err != nil {
			return nil, err
		}
	}
	if err := c.check(c.parsed); err != nil {
		return nil, fmt.Errorf("without a mutant: %w", err)
	}
	return c, nil
}

func goList(tree string, args ...string) (string, error) {
	cmd := exec.Command("go", append(append([]string{"list"}, args...), ".")...)
	cmd.Dir = tree
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		err = fmt.Errorf("go list: %w\n%s", err, failed.Stderr)
	}
	return string(out), err
}

// with is why the package does not compile if file has text.
func (c *checker) with(file, text string) error {
	altered, err := parser.ParseFile(c.files, file, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	files := map[string]*ast.File{file: altered}
	for name, tree := range c.parsed {
		if name != file {
			files[name] = tree
		}
	}
	return c.check(files)
}

func (c *checker) check(files map[string]*ast.File) error {
	var trees []*ast.File
	for _, tree := range files {
		trees = append(trees, tree)
	}
	config := types.Config{Importer: c.imported}
	_, err := config.Check("onetime", c.files, trees, nil)
	return err
}
