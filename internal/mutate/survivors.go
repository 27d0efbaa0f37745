package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

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

// stale is an error if the list names what is no mutant: the statement has changed, and so may have the reason.
func stale(all []mutant, reasons map[string]string) error {
	known := map[string]bool{}
	for _, m := range all {
		known[m.name] = true
	}
	var errs []error
	for name := range reasons {
		if !known[name] {
			errs = append(errs, fmt.Errorf("%s lists what is no mutant: %s", list, name))
		}
	}
	return errors.Join(errs...)
}
