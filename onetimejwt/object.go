package onetimejwt

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errObject = errors.New("want one JSON object without repeated members")

// readObject reads a JSON object and nothing behind it. No two members of it, or of an object in it, may have names that
// are the same or differ in case only: readers disagree about which of them counts.
func readObject(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) || !json.Valid(text) {
		return nil, errObject
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if start, err := d.Token(); err != nil || start != json.Delim('{') || checkMembers(d, '{') != nil {
		return nil, errObject
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, errObject
	}
	return members, nil
}

// checkMembers reads on to the end of an object or array whose start was read.
func checkMembers(d *json.Decoder, start json.Delim) error {
	names := map[string]bool{}
	for d.More() {
		if start == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			folded := foldCase(name.(string))
			if names[folded] {
				return errObject
			}
			names[folded] = true
		}
		value, err := d.Token()
		if err != nil {
			return err
		}
		if inner, ok := value.(json.Delim); ok {
			if err := checkMembers(d, inner); err != nil {
				return err
			}
		}
	}
	_, err := d.Token()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// foldCase returns the same text for all that strings.EqualFold takes for equal.
func foldCase(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		return least
	}, s)
}

// text returns a member that is a string. It reports false for anything else.
func text(raw json.RawMessage) (string, bool) {
	var s *string
	if len(raw) == 0 || json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

// texts returns a member that is an array of strings. It reports false for anything else.
func texts(raw json.RawMessage) ([]string, bool) {
	var items []json.RawMessage
	if len(raw) == 0 || json.Unmarshal(raw, &items) != nil || items == nil {
		return nil, false
	}
	all := make([]string, len(items))
	for i, item := range items {
		var ok bool
		if all[i], ok = text(item); !ok {
			return nil, false
		}
	}
	return all, true
}

// secondsPattern is a time up to the year 33658: a whole number, written without fraction or exponent.
var secondsPattern = regexp.MustCompile(`^(0|[1-9][0-9]{0,11})$`)

// seconds returns a member that is a time in whole seconds. It reports false for anything else.
func seconds(raw json.RawMessage) (int64, bool) {
	var n int64
	if !secondsPattern.Match(raw) || json.Unmarshal(raw, &n) != nil {
		return 0, false
	}
	return n, true
}
