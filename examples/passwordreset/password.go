package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"

	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

const (
	// NIST SP 800-63B-4 3.1.1.2, for a password that is the only factor. Characters are code points.
	minPassword = 15
	// NIST asks for 64 or more. There is an end to it, because Argon2 reads all of it.
	maxPassword = 256
	// What has to be left of a password without the names that everybody would try with it.
	minOwn = 8
)

// prepare returns the one form of a password: what two keyboards send for one character is the same character then
// (RFC 8265 4.2, OpaqueString).
func prepare(password string) (string, bool) {
	if len(password) > utf8.UTFMax*maxPassword || !utf8.ValidString(password) {
		return "", false
	}
	prepared, err := precis.OpaqueString.String(password)
	return prepared, err == nil
}

// acceptable says what there is against a new password. NIST wants no rule about kinds of characters, and a list of passwords
// that are known from leaks: a service asks one here, too.
func acceptable(password, address string) error {
	prepared, ok := prepare(password)
	n := utf8.RuneCountInString(prepared)
	switch {
	case n > maxPassword, len(password) > utf8.UTFMax*maxPassword:
		return onetimehttp.Refusal(fmt.Sprintf("This is too long. Take at most %d characters.", maxPassword))
	case utf8.RuneCountInString(password) < minPassword, ok && n < minPassword:
		return onetimehttp.Refusal(fmt.Sprintf("This is too short. Take at least %d characters, several words, say.", minPassword))
	case !ok:
		return onetimehttp.Refusal("This has characters that cannot be typed.")
	}
	name, domain, _ := strings.Cut(address, "@")
	own := strings.ToLower(prepared)
	for _, word := range []string{address, name, domain, service} {
		if len(word) >= 4 { // shorter ones are in many words
			own = strings.ReplaceAll(own, strings.ToLower(word), "")
		}
	}
	if utf8.RuneCountInString(own) < minOwn {
		return onetimehttp.Refusal("This is little more than your address or our name. Take other words.")
	}
	return nil
}

// cost is what it takes to try a password.
type cost struct {
	passes, kibibytes uint32
	lanes             uint8
}

// rfc9106 is the second of the two choices that RFC 9106 4 recommends, where 2 GiB for each are too much. It costs more than
// what the OWASP Password Storage Cheat Sheet wants at the least: 19 MiB and 2 passes.
var rfc9106 = cost{passes: 3, kibibytes: 64 << 10, lanes: 4}

const saltSize, hashSize = 16, 32 // RFC 9106 3.1, 4

// passwords hashes passwords, a few at a time: each takes the memory of its cost.
type passwords struct {
	cost   cost
	turns  chan struct{}
	nobody string // hash of a password that nobody has
}

func newPasswords(c cost) *passwords {
	p := &passwords{cost: c, turns: make(chan struct{}, runtime.GOMAXPROCS(0))}
	p.nobody = c.hash(rand.Text(), []byte(rand.Text())[:saltSize])
	return p
}

var errPassword = errors.New("password: not prepared")

// hash returns the hash of an acceptable password, as the PHC string format has it.
func (p *passwords) hash(ctx context.Context, password string) (hash string, err error) {
	prepared, ok := prepare(password)
	if !ok {
		return "", errPassword
	}
	salt := make([]byte, saltSize)
	rand.Read(salt)
	err = p.inTurn(ctx, func() { hash = p.cost.hash(prepared, salt) })
	return hash, err
}

// matches tells whether a password is the one of a hash. Where there is no hash, because there is no account or no password,
// it takes the same time to say no.
func (p *passwords) matches(ctx context.Context, hash, password string) (bool, error) {
	of := hash
	if of == "" {
		of = p.nobody
	}
	c, salt, err := parse(of)
	if err != nil {
		return false, err
	}
	prepared, ok := prepare(password)
	var again string
	if err := p.inTurn(ctx, func() { again = c.hash(prepared, salt) }); err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare([]byte(of), []byte(again)) == 1 && ok && hash != "", nil
}

// inTurn waits for one of the places.
func (p *passwords) inTurn(ctx context.Context, do func()) error {
	select {
	case p.turns <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-p.turns }()
	do()
	return nil
}

const format = "$argon2id$v=%d$m=%d,t=%d,p=%d$"

func (c cost) hash(password string, salt []byte) string {
	hash := argon2.IDKey([]byte(password), salt, c.passes, c.kibibytes, c.lanes, hashSize)
	return fmt.Sprintf(format+"%s$%s", argon2.Version, c.kibibytes, c.passes, c.lanes, encoding.EncodeToString(salt), encoding.EncodeToString(hash))
}

var encoding = base64.RawStdEncoding

// parse returns what a hash was made with.
func parse(hash string) (c cost, salt []byte, err error) {
	var version int
	if _, err := fmt.Sscanf(hash, format, &version, &c.kibibytes, &c.passes, &c.lanes); err != nil || version != argon2.Version {
		return cost{}, nil, errors.New("password: not a hash")
	}
	parts := strings.Split(hash, "$")
	if len(parts) != 6 {
		return cost{}, nil, errors.New("password: not a hash")
	}
	salt, err = encoding.DecodeString(parts[4])
	return c, salt, err
}
