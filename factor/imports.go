package factor

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// An Imported is an authenticator that another system has enrolled. It is live at once: the person has used it before.
type Imported struct {
	// Blob is to be stored.
	Blob []byte
	// Weak tells that the key has less than the 128 bits that RFC 4226 demands: ask the person to enrol anew some day.
	Weak bool
}

// An ImportOption says how an authenticator makes its codes: by default as one of [Factors.EnrollTOTP] does. Its zero value
// says nothing.
type ImportOption struct{ set func(*row) error }

// WithAlgorithm sets the hash: SHA1, SHA256 or SHA512.
func WithAlgorithm(a Algorithm) ImportOption {
	return ImportOption{func(r *row) error { r.algorithm = a; return nil }}
}

// WithDigits sets how many digits a code has: 6 to 8.
func WithDigits(digits int) ImportOption {
	return ImportOption{func(r *row) error { r.digits = digits; return nil }}
}

// WithPeriod sets how long a time step is: 15 to 60 s, in whole seconds.
func WithPeriod(period time.Duration) ImportOption {
	return ImportOption{func(r *row) error {
		if r.kind == once.Counter {
			return invalid("WithPeriod: a token that counts has none")
		}
		r.period = period
		return nil
	}}
}

// WithLastStep sets the last time step whose code was used, as other systems store it (devise: consumed_timestep, django-otp:
// last_t): no code of it or before it verifies.
func WithLastStep(step int64) ImportOption {
	return ImportOption{func(r *row) error {
		if r.kind == once.Counter {
			return invalid("WithLastStep: a token that counts has none")
		}
		r.free = step + 1
		return nil
	}}
}

// WithCounter makes it a token that counts (RFC 4226), and sets its next counter, which other systems store.
func WithCounter(next int64) ImportOption {
	return ImportOption{func(r *row) error {
		r.kind, r.period, r.free = once.Counter, 0, next
		return nil
	}}
}

// ImportKey takes the key of an authenticator as bytes: 10 to 128. What another system stores as base32 goes through
// [DecodeSecret] before; what it stores as text that it encodes for the QR code (better-auth) is the key as it stands. A key
// in the wrong form gives codes that never match. The errors are [onetime.ErrInvalid] and name what is out of range.
func (f *Factors) ImportKey(account string, key []byte, opts ...ImportOption) (Imported, error) {
	r := &row{kind: once.Step, digits: minDigits, period: newPeriod, key: slices.Clone(key)}
	return f.imports(account, r, opts)
}

func (f *Factors) imports(typed string, r *row, opts []ImportOption) (Imported, error) {
	account, _, err := f.who(typed)
	if err != nil {
		return Imported{}, err
	}
	for _, o := range opts {
		if o.set == nil {
			continue
		}
		if err := o.set(r); err != nil {
			return Imported{}, err
		}
	}
	if err := r.check(); err != nil {
		return Imported{}, err
	}
	r.id, r.created, r.recent = keyring.Random(keyring.IDSize), f.core.Now(), 1<<16-1 // what was used before is not known
	return Imported{f.seal(account, r), len(r.key) < weakSecret}, nil
}

// ImportURI takes an otpauth URI, as Google, Microsoft, 1Password and Authy write and export them; options go before what it
// says. What it does not say is as apps take it: SHA-1, 6 digits, 30 s. The errors are [onetime.ErrInvalid].
func (f *Factors) ImportURI(account, uri string, opts ...ImportOption) (Imported, error) {
	r, err := readURI(uri)
	if err != nil {
		return Imported{}, err
	}
	return f.imports(account, r, opts)
}

// readURI never repeats what it was given: that is a secret.
func readURI(uri string) (*row, error) {
	u, err := url.Parse(strings.TrimSpace(uri))
	if err != nil || u.Scheme != "otpauth" {
		return nil, invalid("ImportURI: want otpauth://totp/… or otpauth://hotp/…")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, invalid("ImportURI: the query does not parse")
	}
	values := map[string]string{}
	for name, all := range query {
		name = strings.ToLower(name)
		if _, twice := values[name]; twice || len(all) > 1 {
			return nil, invalid("ImportURI: a parameter stands there twice")
		}
		values[name] = all[0]
	}
	r := &row{kind: once.Step, digits: minDigits, period: newPeriod}
	if r.key, err = DecodeSecret(values["secret"]); err != nil {
		return nil, err
	}
	number := func(name string, otherwise int64) (int64, error) {
		if values[name] == "" {
			return otherwise, nil
		}
		n, err := strconv.ParseInt(values[name], 10, 64)
		if err != nil || n < 0 {
			return 0, invalid("ImportURI: %s: want a whole number", name)
		}
		return n, nil
	}
	digits, err := number("digits", minDigits)
	if err != nil {
		return nil, err
	}
	r.digits = int(min(digits, 1000))
	switch strings.ToLower(u.Host) {
	case "totp":
		period, err := number("period", int64(newPeriod/time.Second))
		if err != nil {
			return nil, err
		}
		r.period = time.Duration(min(period, 1000)) * time.Second
	case "hotp":
		if values["counter"] == "" {
			return nil, invalid("ImportURI: hotp without counter")
		}
		r.kind, r.period = once.Counter, 0
		if r.free, err = number("counter", 0); err != nil {
			return nil, err
		}
	default:
		return nil, invalid("ImportURI: want otpauth://totp/… or otpauth://hotp/…")
	}
	switch name := strings.ToUpper(strings.ReplaceAll(values["algorithm"], "-", "")); name {
	case "", "SHA1", "HMACSHA1":
	case "SHA256", "HMACSHA256":
		r.algorithm = SHA256
	case "SHA512", "HMACSHA512":
		r.algorithm = SHA512
	default:
		return nil, invalid("ImportURI: algorithm: want SHA1, SHA256 or SHA512")
	}
	return r, nil
}

// DecodeSecret returns the key that a text in base32 stands for, as apps show it: in upper or lower case, with spaces, dashes
// and padding or without. The error is [onetime.ErrInvalid] and never repeats the text.
func DecodeSecret(text string) ([]byte, error) {
	text = strings.Map(func(c rune) rune {
		switch {
		case c == ' ' || c == '-':
			return -1
		case 'a' <= c && c <= 'z':
			return c - 'a' + 'A'
		}
		return c
	}, text)
	text = strings.TrimRight(text, "=")
	key, err := secrets.DecodeString(text)
	if err != nil || strings.ContainsAny(text, "\r\n") { // which the decoder skips
		return nil, invalid("a secret: want base32")
	}
	if len(key) < minSecret || len(key) > maxSecret {
		return nil, invalid("a key of %d bytes: want %d to %d", len(key), minSecret, maxSecret)
	}
	return key, nil
}
