package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/secret"
)

// The functions of this file read a value of the file, which may be a number, or of the environment and the flags, where
// all values are texts. Their errors say what is wanted and never what was found.

func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f }) {
			return "", errors.New("want a text without control characters")
		}
		return v, nil
	case int, int64, float64, bool:
		return "", errors.New("want a text, in quotation marks")
	}
	return "", errors.New("want a text")
}

func number(least, most int) func(any) (int, error) {
	return func(v any) (int, error) {
		want := fmt.Errorf("want %d to %d", least, most)
		var n int64
		switch v := v.(type) {
		case int:
			n = int64(v)
		case int64:
			n = v
		case string:
			var err error
			if n, err = strconv.ParseInt(v, 10, 32); err != nil {
				return 0, want
			}
		default:
			return 0, want
		}
		if n < int64(least) || n > int64(most) {
			return 0, want
		}
		return int(n), nil
	}
}

func duration(least, most time.Duration) func(any) (time.Duration, error) {
	return func(v any) (time.Duration, error) {
		s, _ := v.(string)
		d, err := time.ParseDuration(s)
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("want %s to %s, such as 90s", short(least), short(most))
		}
		return d, nil
	}
}

// short writes a duration without units that are zero: 5m, not 5m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func truth(v any) (bool, error) {
	switch v {
	case true, "true":
		return true, nil
	case false, "false":
		return false, nil
	}
	return false, errors.New("want true or false")
}

func oneOf(names ...string) func(any) (string, error) {
	return func(v any) (string, error) {
		s, _ := v.(string)
		if !slices.Contains(names, s) {
			return "", errors.New("want " + either(names))
		}
		return s, nil
	}
}

func either(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// list reads a list, or a text that commas divide, with read for each part.
func list[T any](most int, read func(any) (T, error)) func(any) ([]T, error) {
	return func(v any) ([]T, error) {
		var parts []any
		switch v := v.(type) {
		case []any:
			parts = v
		case string:
			for part := range strings.SplitSeq(v, ",") {
				if part = strings.TrimSpace(part); part != "" {
					parts = append(parts, part)
				}
			}
		default:
			return nil, errors.New("want a list")
		}
		if len(parts) > most {
			return nil, fmt.Errorf("want at most %d", most)
		}
		out := make([]T, 0, len(parts))
		for i, part := range parts {
			value, err := read(part)
			if err != nil {
				return nil, fmt.Errorf("number %d: %w", i+1, err)
			}
			out = append(out, value)
		}
		return out, nil
	}
}

func reference(v any) (secret.Reference, error) {
	s, _ := v.(string)
	return secret.Parse(s)
}

// references reads a list of references. As a text it is one, since the commas of exec: divide nothing.
func references(most int) func(any) ([]secret.Reference, error) {
	return func(v any) ([]secret.Reference, error) {
		if s, is := v.(string); is {
			v = []any{s}
		}
		return list(most, reference)(v)
	}
}

// textOr reads a text that may be a reference instead.
func textOr(read func(any) (string, error)) func(any) (Text, error) {
	return func(v any) (Text, error) {
		s, _ := v.(string)
		if r, err := secret.Parse(s); err == nil {
			return Text{At: r}, nil
		}
		s, err := read(v)
		return Text{Literal: s}, err
	}
}

// address reads where to listen: host:port, :port for all interfaces, or off.
func address(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	if s == "off" {
		return s, nil
	}
	host, port, err := net.SplitHostPort(s)
	n, badPort := strconv.ParseUint(port, 10, 16)
	if err != nil || badPort != nil || n > 65535 || strings.ContainsAny(host, " /") {
		return "", errors.New("want HOST:PORT, or :PORT for all interfaces")
	}
	return s, nil
}

func webURL(v any) (string, error) {
	s, err := text(v)
	if err != nil {
		return "", err
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
		return "", errors.New("want an https URL, or http on localhost")
	}
	return s, nil
}

// Loopback reports whether a host is this machine alone.
func Loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

func network(v any) (netip.Prefix, error) {
	s, _ := v.(string)
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, errors.New("want a network such as 10.1.0.0/16")
	}
	return p, nil
}

// limit reads a limit such as "5 per 15m", of at most so many at once.
func limit(most int) func(any) (onetime.Limit, error) {
	return func(v any) (onetime.Limit, error) {
		s, _ := v.(string)
		count, per, _ := strings.Cut(s, " per ")
		n, badCount := strconv.Atoi(strings.TrimSpace(count))
		d, badPer := time.ParseDuration(strings.TrimSpace(per))
		if badCount != nil || badPer != nil || n < 1 || n > most || d < time.Second || d > 720*time.Hour {
			return onetime.Limit{}, fmt.Errorf(`want 1 to %d per 1s to 720h, such as "5 per 15m"`, most)
		}
		return onetime.Limit{Burst: n, Per: d}, nil
	}
}

// callerKey reads the SHA-256 digest of a key, or where it is.
func callerKey(v any) (Text, error) {
	read := func(v any) (string, error) {
		s, _ := v.(string)
		digest, found := strings.CutPrefix(s, "sha256:")
		if b, err := hex.DecodeString(digest); !found || err != nil || len(b) != 32 {
			return "", errors.New("want sha256: and 64 hexadecimal digits, as onetimed keys new caller prints them, or env:, file: or exec: for them")
		}
		return s, nil
	}
	return textOr(read)(v)
}
