package server

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/secret"
	"github.com/seed-3f7b73d1/onetime/onetimejwt"
)

// secrets are what the references of a configuration held when they were read.
type secrets struct {
	naming, current []byte
	previous        [][]byte
	signing         []crypto.Signer
	redisURL        string
	mailURL         string
	smsPassword     string
	webhook         []string
	callers         map[string][][32]byte
	certificate     *tls.Certificate
}

// A collector reads secrets and gathers what is wrong with them.
type collector struct {
	ctx    context.Context
	reader secret.Reader
	wrong  error
}

func (r *collector) fail(path string, err error) {
	if err != nil {
		r.wrong = errors.Join(r.wrong, fmt.Errorf("%s: %w", path, err))
	}
}

func (r *collector) text(path string, at secret.Reference) string {
	if at.IsZero() {
		return ""
	}
	s, err := r.reader.Text(r.ctx, at)
	r.fail(path, err)
	return s
}

func (r *collector) textOf(path string, t config.Text) string {
	if t.At.IsZero() {
		return t.Literal
	}
	return r.text(path, t.At)
}

func (r *collector) key(path string, at secret.Reference) []byte {
	if at.IsZero() {
		return nil
	}
	key, err := r.reader.Key(r.ctx, at)
	r.fail(path, err)
	return key
}

// readSecrets reads all that a configuration refers to, and reports all that is wrong. Programs whose output is in printed do
// not run again.
func readSecrets(ctx context.Context, c *config.Config, getenv func(string) (string, bool), printed map[string]string) (*secrets, error) {
	r := &collector{ctx: ctx, reader: secret.Reader{KEK: c.Keys.UnwrapWith, Getenv: getenv, Printed: printed}}
	s := &secrets{
		naming: r.key("keys/naming", c.Keys.Naming), current: r.key("keys/current", c.Keys.Current),
		redisURL: r.textOf("redis/url", c.Redis.URL), mailURL: r.textOf("mail/url", c.Mail.URL),
		smsPassword: r.text("sms/password", c.SMS.Password), callers: map[string][][32]byte{},
	}
	for i, at := range c.Keys.Previous {
		s.previous = append(s.previous, r.key(fmt.Sprintf("keys/previous: number %d", i+1), at))
	}
	for i, at := range c.Webhook.Secrets {
		s.webhook = append(s.webhook, r.text(fmt.Sprintf("webhook/secrets: number %d", i+1), at))
	}
	for i, at := range c.SigningKeys {
		path := fmt.Sprintf("signing_keys: number %d", i+1)
		if text := r.text(path, at); text != "" {
			key, err := onetimejwt.ParseKey([]byte(text))
			if err != nil {
				err = errors.New("want a private key in PEM") // what cannot be read is not repeated
			}
			r.fail(path, err)
			s.signing = append(s.signing, key)
		}
	}
	for name, caller := range c.Callers {
		for i, key := range caller.Keys {
			path := fmt.Sprintf("callers/%s/keys: number %d", name, i+1)
			if text := r.textOf(path, key); text != "" { // else it was told
				digest, err := parseDigest(text)
				r.fail(path, err)
				s.callers[name] = append(s.callers[name], digest)
			}
		}
	}
	if !c.TLS.Certificate.IsZero() {
		pair, err := tls.X509KeyPair([]byte(r.text("tls/certificate", c.TLS.Certificate)), []byte(r.text("tls/key", c.TLS.Key)))
		if err != nil {
			err = errors.New("want a chain of certificates and its private key in PEM")
		}
		r.fail("tls", err)
		s.certificate = &pair
	}
	return s, r.wrong
}

func parseDigest(text string) (digest [32]byte, err error) {
	name, found := strings.CutPrefix(text, "sha256:")
	b, bad := hex.DecodeString(name)
	if !found || bad != nil || len(b) != len(digest) {
		return digest, errors.New("want sha256: and 64 hexadecimal digits")
	}
	return [32]byte(b), nil
}

// fill draws the secrets of development that are not set.
func (s *secrets) fill(c *config.Config) error {
	if s.naming == nil {
		s.naming, s.current = random(), random()
	}
	if s.signing == nil {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		s.signing = []crypto.Signer{key}
	}
	return nil
}

func random() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
}

// equal reports whether two readings are the same.
func (s *secrets) equal(other *secrets) bool { return reflect.DeepEqual(s, other) }

// sameNames reports whether records keep their names.
func (s *secrets) sameNames(other *secrets) bool { return bytes.Equal(s.naming, other.naming) }

// ids names the keys that are loaded, by their use. An id tells nothing about its key.
func (s *secrets) ids() map[string][]string {
	ids := map[string][]string{"naming": {keyID(s.naming)}, "current": {keyID(s.current)}}
	for _, key := range s.previous {
		ids["previous"] = append(ids["previous"], keyID(key))
	}
	for _, key := range s.signing {
		if id, err := onetimejwt.KeyID(key.Public()); err == nil {
			ids["signing"] = append(ids["signing"], id)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.callers)) {
		for _, digest := range s.callers[name] {
			ids["caller "+name] = append(ids["caller "+name], keyID(digest[:]))
		}
	}
	return ids
}

func keyID(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("onetimed key id"))
	return hex.EncodeToString(mac.Sum(nil)[:4])
}
