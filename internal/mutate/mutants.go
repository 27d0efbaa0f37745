package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A mutant is a file with one alteration: what stands from start to end becomes to. Its name outlives edits elsewhere in
// the file: it is made of the file, the text of the statement and what is done to it, and of a count where these are the
// same more than once.
type mutant struct {
	file, name string
	line       int
	source     string // of the file as it is
	start, end int
	to         string
}

// text is the whole file, altered.
func (m mutant) text() string { return m.source[:m.start] + m.to + m.source[m.end:] }

type mutants struct {
	file, source string
	found        []mutant
}

func (m *mutants) add(start, end int, to, statement, what string) {
	m.found = append(m.found, mutant{
		file: m.file, name: m.file + ": " + strings.Join(strings.Fields(statement), " ") + ": " + what,
		line: lineOf(m.source, start), source: m.source, start: start, end: end, to: to,
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

// allMutants returns those of all scripts of the module in root.
func allMutants(root string) (all []mutant, err error) {
	for _, t := range targets {
		scripts, err := filepath.Glob(filepath.Join(root, t.folder, "*.lua"))
		if err != nil || len(scripts) == 0 {
			return nil, fmt.Errorf("no scripts in %s: %v", filepath.Join(root, t.folder), err)
		}
		for _, script := range scripts {
			source, err := os.ReadFile(script)
			if err != nil {
				return nil, err
			}
			found, err := luaMutants(path.Join(t.folder, filepath.Base(script)), string(source))
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

var part = regexp.MustCompile(`^([\w./]+)(?::(\d+)(?:-(\d+))?)?$`)

// choose returns the mutants of the files, or lines of files, that only lists; all if it is empty.
func choose(all []mutant, only string) ([]mutant, error) {
	if only == "" {
		return all, nil
	}
	var chosen []mutant
	for _, one := range strings.Split(only, ",") {
		match := part.FindStringSubmatch(one)
		if match == nil {
			return nil, fmt.Errorf("-only %s: want file, file:line or file:first-last", one)
		}
		first, _ := strconv.Atoi(match[2])
		last, _ := strconv.Atoi(match[3])
		last = max(first, last)
		before := len(chosen)
		for _, m := range all {
			if m.file == match[1] && (first == 0 || first <= m.line && m.line <= last) {
				chosen = append(chosen, m)
			}
		}
		if len(chosen) == before {
			return nil, fmt.Errorf("-only %s: no mutants there: want one of lua/*.lua or internal/limit/cap.lua", one)
		}
	}
	return chosen, nil
}
