package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A mutant is a file with one alteration. Its name outlives edits elsewhere in the file: it is made of the file, the
// text of the statement and what is done to it, and of a count where these are the same more than once.
type mutant struct {
	file, name string
	line       int
	text       string // of the whole file
	start      int
}

type mutants struct {
	file, source string
	found        []mutant
}

func (m *mutants) add(start, end int, to, statement, what string) {
	m.found = append(m.found, mutant{
		file: m.file, name: m.file + ": " + strings.Join(strings.Fields(statement), " ") + ": " + what,
		line: lineOf(m.source, start), text: m.source[:start] + to + m.source[end:], start: start,
	})
}

// sorted returns the mutants in the order of the file and counts those of the same name.
func (m *mutants) sorted() []mutant {
	slices.SortStableFunc(m.found, func(a, b mutant) int { return a.start - b.start })
	count := map[string]int{}
	for i, one := range m.found {
		if count[one.name]++; count[one.name] > 1 {
			m.found[i].name += fmt.Sprintf(" #%d", count[one.name])
		}
	}
	return m.found
}

func lineOf(text string, at int) int { return strings.Count(text[:at], "\n") + 1 }

// sources are the files that are altered: the scripts, and the Go files that judge keys and tokens.
func sources(root string) ([]string, error) {
	scripts, err := filepath.Glob(filepath.Join(root, "lua", "*.lua"))
	if err != nil || len(scripts) == 0 {
		return nil, fmt.Errorf("no scripts in %s: %v", root, err)
	}
	var files []string
	for _, script := range scripts {
		files = append(files, "lua/"+filepath.Base(script))
	}
	return append(files, "keys.go", "token.go"), nil
}

func allMutants(root string) (all []mutant, err error) {
	files, err := sources(root)
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		source, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			return nil, err
		}
		make := goMutants
		if strings.HasSuffix(file, ".lua") {
			make = luaMutants
		}
		found, err := make(file, string(source))
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// readSurvivors reads the list of accepted survivors: the name of each on a line of its own, below it, indented, why no
// test can find it. Several names above one reason share it.
func readSurvivors(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	reasons := map[string]string{}
	var names []string
	explained := true
	for i, line := range strings.Split(string(text), "\n") {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, " "):
			explained = true
			for _, name := range names {
				reasons[name] = strings.TrimSpace(reasons[name] + " " + strings.TrimSpace(line))
			}
		default:
			if explained {
				names, explained = nil, false
			}
			if _, twice := reasons[line]; twice {
				return nil, fmt.Errorf("%s:%d: listed twice", path, i+1)
			}
			names = append(names, line)
			reasons[line] = ""
		}
	}
	for name, reason := range reasons {
		if reason == "" {
			return nil, fmt.Errorf("%s: no reason for %s", path, name)
		}
	}
	return reasons, nil
}
