/*
Package secret reads secrets from where the configuration says they are:

	env:NAME                       the environment variable NAME
	file:/run/secrets/key          a file, read again when secrets are reloaded
	exec:["kms","decrypt","key"]   what a program prints; no shell is involved
	wrapped:BASE64                 a key, encrypted by AES Key Wrap (RFC 3394) under the key-encryption key

A secret that is itself "wrapped:BASE64", in a file, say, is unwrapped. White space around a secret is dropped. No error
holds any of it.
*/
package secret

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Bounds of what is read.
const (
	mostBytes   = 64 << 10         // of one secret
	execTimeout = 10 * time.Second // of one program
)

// A Reference says where a secret is. Its zero value says nothing, and is not set.
type Reference struct {
	scheme, name string
	argv         []string
}

// Parse reads a reference. The error does not repeat the text, which may be the secret itself.
func Parse(text string) (Reference, error) {
	scheme, name, found := strings.Cut(text, ":")
	want := errors.New(`want env:NAME, file:PATH, exec:["PROGRAM","ARGUMENT"] or wrapped:BASE64, never the secret itself`)
	if !found || name == "" {
		return Reference{}, want
	}
	r := Reference{scheme: scheme, name: name}
	switch scheme {
	case "env", "file", "wrapped":
		return r, nil
	case "exec":
		if json.Unmarshal([]byte(name), &r.argv) != nil || len(r.argv) == 0 || r.argv[0] == "" {
			return Reference{}, errors.New(`want exec:["PROGRAM","ARGUMENT"], an array of JSON`)
		}
		return r, nil
	}
	return Reference{}, want
}

// IsZero reports whether the reference is not set.
func (r Reference) IsZero() bool { return r.scheme == "" }

// A Reader reads secrets.
type Reader struct {
	// KEK is the reference of the key-encryption key; zero: nothing can be unwrapped.
	KEK Reference
	// Printed is what programs printed before, by their reference: those do not run again, and what others print is added. nil:
	// all run.
	Printed map[string]string
	// Getenv is os.LookupEnv, or another in tests; nil: os.LookupEnv.
	Getenv func(string) (string, bool)
}

// Text returns the secret of a reference.
func (s Reader) Text(ctx context.Context, r Reference) (string, error) {
	text, err := s.read(ctx, r)
	if err != nil {
		return "", err
	}
	if wrapped, is := strings.CutPrefix(text, "wrapped:"); is {
		key, err := s.unwrap(ctx, wrapped)
		return string(key), err
	}
	return text, nil
}

// Key returns the secret of a reference as a key of at least 32 bytes: hexadecimal, base64 or base64url, or the bytes
// that were unwrapped.
func (s Reader) Key(ctx context.Context, r Reference) ([]byte, error) {
	text, err := s.read(ctx, r)
	if err != nil {
		return nil, err
	}
	var key []byte
	if wrapped, is := strings.CutPrefix(text, "wrapped:"); is {
		key, err = s.unwrap(ctx, wrapped)
	} else {
		key, err = Decode(text)
	}
	if err == nil && len(key) < 32 {
		err = fmt.Errorf("the key has %d bytes: want at least 32, as onetimed keys new makes them", len(key))
	}
	return key, err
}

func (s Reader) unwrap(ctx context.Context, text string) ([]byte, error) {
	if s.KEK.IsZero() {
		return nil, errors.New("a wrapped key needs keys/unwrap_with")
	}
	wrapped, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New(`a wrapped key is "wrapped:" and base64`)
	}
	if s.KEK.scheme == "wrapped" {
		return nil, errors.New("keys/unwrap_with: the key-encryption key cannot be wrapped itself")
	}
	kekText, err := s.read(ctx, s.KEK)
	if err != nil {
		return nil, fmt.Errorf("keys/unwrap_with: %w", err)
	}
	kek, err := Decode(kekText)
	if err != nil {
		return nil, fmt.Errorf("keys/unwrap_with: %w", err)
	}
	return Unwrap(kek, wrapped)
}

func (s Reader) read(ctx context.Context, r Reference) (text string, err error) {
	switch r.scheme {
	case "env":
		getenv := s.Getenv
		if getenv == nil {
			getenv = os.LookupEnv
		}
		var set bool
		if text, set = getenv(r.name); !set {
			return "", fmt.Errorf("the environment variable %s is not set", r.name)
		}
	case "file":
		text, err = readFile(r.name)
	case "exec":
		var known bool
		if text, known = s.Printed[r.name]; known {
			break
		}
		if text, err = run(ctx, r.argv); err == nil && s.Printed != nil {
			s.Printed[r.name] = text
		}
	case "wrapped":
		return "wrapped:" + r.name, nil
	default:
		return "", errors.New("is not set")
	}
	if err != nil {
		return "", err
	}
	if text = strings.TrimSpace(text); text == "" {
		return "", errors.New("is empty")
	}
	return text, nil
}

func readFile(name string) (string, error) {
	file, err := os.Open(name)
	if err != nil {
		return "", err // the path and why
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, mostBytes+1))
	if err != nil {
		return "", err
	}
	if len(text) > mostBytes {
		return "", fmt.Errorf("%s: want at most 64 KiB", name)
	}
	return string(text), nil
}

// run returns what a program prints. What it prints as errors goes to ours, since an operator needs it.
func run(ctx context.Context, argv []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, execTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, argv[0], argv[1:]...)
	command.WaitDelay = time.Second // children that keep the output open
	command.Stderr = os.Stderr
	var out bounded
	command.Stdout = &out
	if err := command.Run(); err != nil {
		if ctx.Err() != nil {
			return "", fmt.Errorf("%s did not end within %v", argv[0], execTimeout)
		}
		return "", fmt.Errorf("%s failed: %w", argv[0], err)
	}
	return string(out.text), nil
}

// A bounded takes at most mostBytes. It embeds no bytes.Buffer, whose ReadFrom would take any number.
type bounded struct{ text []byte }

func (b *bounded) Write(p []byte) (int, error) {
	if len(b.text)+len(p) > mostBytes {
		return 0, errors.New("it prints more than 64 KiB")
	}
	b.text = append(b.text, p...)
	return len(p), nil
}

// Decode returns the bytes of a key in hexadecimal, base64 or base64url.
func Decode(text string) ([]byte, error) {
	if key, err := hex.DecodeString(text); err == nil {
		return key, nil
	}
	unpadded := strings.TrimRight(text, "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if key, err := encoding.Strict().DecodeString(unpadded); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("the key is neither hexadecimal nor base64")
}
