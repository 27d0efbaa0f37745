package keyring_test

import (
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// ring derives a ring.
func ring(t *testing.T, key, naming []byte, previous ...[]byte) *keyring.Ring {
	t.Helper()
	r, err := keyring.New(key, previous, naming)
	require.NoError(t, err)
	return r
}

// challenge returns that of a subject, unbound if the binding is empty.
func challenge(r *keyring.Ring, purpose, subject, binding string) keyring.Challenge {
	c := keyring.Challenge{Purpose: purpose, Tag: r.Tag(purpose, subject), Binding: keyring.Unbound}
	if binding != "" {
		c.Binding = r.BindingTag(purpose, c.Tag, binding)
	}
	return c
}

func TestKeys_FrameTellsPartsApart(t *testing.T) {
	require.Equal(t, "\x00\x00\x00\x01a\x00\x00\x00\x02bc", string(keyring.Frame(nil, "a", "bc")))
	seen := map[string][]string{}
	for _, list := range [][]string{
		nil, {""}, {"", ""}, {"abc"}, {"a", "bc"}, {"ab", "c"}, {"abc", ""}, {"", "abc"}, {"a", "b", "c"},
		{"a", "", "bc"}, {"\x00\x00\x00\x01a"}, {"a\x00\x00\x00\x02bc"}, {"a:bc"},
	} {
		framed := string(keyring.Frame(nil, list...))
		require.NotContains(t, seen, framed, "%q", list)
		seen[framed] = list
	}
}

func TestKeys_DigestsDifferByEveryInput(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32), rig.Key('p', 32))
	p := challenge(r, "default", "alice@example.com", "cookie")
	base := r.Keys[0].Digest(p, "c", "request", "123456")
	require.Len(t, base, 16)
	require.Equal(t, base, r.Keys[0].Digest(p, "c", "request", "123456"))

	other := func(change func(*keyring.Challenge)) keyring.Challenge {
		changed := p
		change(&changed)
		return changed
	}
	digests := map[string]string{
		"the same": base,
		"key":      r.Keys[1].Digest(p, "c", "request", "123456"),
		"kind":     r.Keys[0].Digest(p, "t", "request", "123456"),
		"request":  r.Keys[0].Digest(p, "c", "requesu", "123456"),
		"none":     r.Keys[0].Digest(p, "c", "", "123456"),
		"shifted":  r.Keys[0].Digest(p, "c", "request1", "23456"),
		"secret":   r.Keys[0].Digest(p, "c", "request", "123457"),
		"purpose":  r.Keys[0].Digest(other(func(p *keyring.Challenge) { p.Purpose = "login" }), "c", "request", "123456"),
		"tag":      r.Keys[0].Digest(other(func(p *keyring.Challenge) { p.Tag = strings.Repeat("x", 16) }), "c", "request", "123456"),
		"binding":  r.Keys[0].Digest(other(func(p *keyring.Challenge) { p.Binding = strings.Repeat("x", 8) }), "c", "request", "123456"),
		"unbound":  r.Keys[0].Digest(other(func(p *keyring.Challenge) { p.Binding = strings.Repeat("\x00", 8) }), "c", "request", "123456"),
	}
	seen := map[string]string{}
	for name, digest := range digests {
		require.Empty(t, seen[digest], name)
		seen[digest] = name
	}
}

func TestKeys_TagsDifferByEveryInput(t *testing.T) {
	r, other := ring(t, onetimetest.Key, nil), ring(t, rig.Key('k', 32), nil)
	renamed := ring(t, rig.Key('k', 32), onetimetest.Key)

	p := challenge(r, "default", "alice@example.com", "cookie")
	require.Len(t, p.Tag, 16)
	require.Len(t, p.Binding, 8)
	require.Equal(t, p, challenge(r, "default", "alice@example.com", "cookie"))
	require.Equal(t, p, challenge(renamed, "default", "alice@example.com", "cookie"), "names depend on the naming key alone")
	require.Equal(t, strings.Repeat("\x00", 8), challenge(r, "default", "alice@example.com", "").Binding)

	tags, bindings := map[string]string{p.Tag: "the same"}, map[string]string{p.Binding: "the same"}
	for name, place := range map[string]keyring.Challenge{
		"subject": challenge(r, "default", "bob@example.com", "cookie"),
		"purpose": challenge(r, "login", "alice@example.com", "cookie"),
		"key":     challenge(other, "default", "alice@example.com", "cookie"),
	} {
		require.Empty(t, tags[place.Tag], name)
		require.Empty(t, bindings[place.Binding], name)
		tags[place.Tag], bindings[place.Binding] = name, name
	}
	binding := challenge(r, "default", "alice@example.com", "other cookie")
	require.Equal(t, p.Tag, binding.Tag)
	require.Empty(t, bindings[binding.Binding])
}

// issue is the id of one.
const issue = "twelve bytes"

func TestKeys_WhatIsSealedOpens(t *testing.T) {
	r := ring(t, rig.Key('k', 32), nil)
	p := challenge(r, "default", "alice@example.com", "cookie")
	for _, c := range []struct {
		subject string
		payload []byte
	}{
		{"alice@example.com", []byte("payload")},
		{"alice@example.com", nil},
		{"a", make([]byte, 4096)},
		{strings.Repeat("s", 512), []byte{0}},
	} {
		sealed := r.Keys[0].Seal(p, issue, c.subject, c.payload)
		require.Len(t, sealed, 2+len(c.subject)+len(c.payload)+16)
		subject, payload, err := r.Keys[0].Open(p, issue, sealed)
		require.NoError(t, err)
		require.Equal(t, c.subject, subject)
		require.Equal(t, c.payload, payload)
	}
}

func TestKeys_NothingAlteredOrMovedOpens(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32), rig.Key('p', 32))
	p := challenge(r, "default", "alice@example.com", "cookie")
	sealed := r.Keys[0].Seal(p, issue, "alice@example.com", []byte("payload"))
	shut := func(name string, i int, p keyring.Challenge, id, sealed string) {
		t.Helper()
		subject, payload, err := r.Keys[i].Open(p, id, sealed)
		require.Error(t, err, name)
		require.Empty(t, subject, name)
		require.Empty(t, payload, name)
	}
	other := func(change func(*keyring.Challenge)) keyring.Challenge {
		changed := p
		change(&changed)
		return changed
	}
	shut("key", 1, p, issue, sealed)
	shut("purpose", 0, other(func(p *keyring.Challenge) { p.Purpose += "x" }), issue, sealed)
	shut("tag", 0, other(func(p *keyring.Challenge) { p.Tag += "x" }), issue, sealed)
	for _, id := range []string{"", issue[:11], issue + "x", "twelve bytez"} {
		shut("id "+id, 0, p, id, sealed)
	}
	for i := range sealed {
		altered := []byte(sealed)
		altered[i] ^= 1 << (i % 8)
		shut(fmt.Sprint("byte ", i), 0, p, issue, string(altered))
		shut(fmt.Sprint("cut at ", i), 0, p, issue, sealed[:i])
	}
	shut("extended", 0, p, issue, sealed+"\x00")
}

// Only who holds the key can seal what is too short for the subject that it announces: then it is an error, no panic.
func TestKeys_SealedPartWithoutItsSubjectDoesNotOpen(t *testing.T) {
	r := ring(t, rig.Key('k', 32), nil)
	p := challenge(r, "default", "alice@example.com", "cookie")
	block, err := aes.NewCipher(rig.Derived(t, rig.Key('k', 32), "sealing"))
	require.NoError(t, err)
	aead, err := cipher.NewGCM(block)
	require.NoError(t, err)
	for plain, opens := range map[string]bool{
		"": false, "\x00": false, "\x00\x00": true, "\x00\x01": false, "\x00\x02a": false, "\x00\x01a": true, "\xff\xffa": false,
	} {
		sealed := aead.Seal(nil, []byte(issue), []byte(plain), rig.Framed("sealed", p.Purpose, p.Tag))
		subject, payload, err := r.Keys[0].Open(p, issue, string(sealed))
		require.Equal(t, opens, err == nil, "%q", plain)
		require.Nil(t, payload)
		require.Equal(t, opens && len(plain) > 2, subject == "a", "%q", plain)
	}
}

func TestKeys_MACsAreSafeForConcurrentUse(t *testing.T) {
	r := ring(t, rig.Key('k', 32), nil)
	subject := func(i int) string { return strings.Repeat("s", i+1) }
	var tags, digests [64]string
	for i := range tags {
		p := challenge(r, "default", subject(i), "")
		tags[i], digests[i] = p.Tag, r.Keys[0].Digest(p, "c", "request", "123456")
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for n := range 500 {
				i := (n + worker) % len(tags)
				p := challenge(r, "default", subject(i), "")
				if p.Tag != tags[i] || r.Keys[0].Digest(p, "c", "request", "123456") != digests[i] {
					t.Error("a MAC of another call")
					return
				}
				sealed := r.Keys[0].Seal(p, issue, subject(i), nil)
				if got, _, err := r.Keys[0].Open(p, issue, sealed); err != nil || got != subject(i) {
					t.Error("a seal of another call")
					return
				}
			}
		})
	}
	group.Wait()
}

func TestKeys_GroupsDifferByEveryInput(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32))
	p := challenge(r, "default", "alice@example.com", "cookie")
	base := r.Group("VerifyOTP", p, "c", "123456", "the key of a form")
	require.Len(t, base, 12)
	require.Equal(t, base, ring(t, rig.Key('x', 32), rig.Key('n', 32)).Group("VerifyOTP", p, "c", "123456", "the key of a form"), "rotations keep it")
	seen := map[string]bool{base: true}
	for _, other := range []string{
		r.Group("VerifyToken", p, "c", "123456", "the key of a form"),
		r.Group("VerifyOTP", challenge(r, "login", "alice@example.com", "cookie"), "c", "123456", "the key of a form"),
		r.Group("VerifyOTP", challenge(r, "default", "bob@example.com", "cookie"), "c", "123456", "the key of a form"),
		r.Group("VerifyOTP", challenge(r, "default", "alice@example.com", "other"), "c", "123456", "the key of a form"),
		r.Group("VerifyOTP", p, "t", "123456", "the key of a form"),
		r.Group("VerifyOTP", p, "c", "123457", "the key of a form"),
		r.Group("VerifyOTP", p, "c", "123456", "the key of another form"),
		r.Group("VerifyOTP", p, "c", "123456t", "he key of a form"),
	} {
		require.False(t, seen[other])
		seen[other] = true
	}
}

func TestKeys_PseudonymsDifferByPersonPurposeAndNamingKey(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32))
	name := func(r *keyring.Ring, purpose, subject string) string {
		return r.Pseudonym(purpose, r.Tag(purpose, subject))
	}
	base := name(r, "default", "alice@example.com")
	require.Regexp(t, `^[A-Za-z0-9_-]{11}$`, base)
	require.Equal(t, base, name(ring(t, rig.Key('x', 32), rig.Key('n', 32)), "default", "alice@example.com"))
	seen := map[string]bool{base: true}
	for _, other := range []string{
		name(r, "default", "bob@example.com"), name(r, "login", "alice@example.com"),
		name(ring(t, rig.Key('k', 32), nil), "default", "alice@example.com"),
	} {
		require.False(t, seen[other])
		seen[other] = true
	}
}

func TestKeys_NamesOfSecretsDifferByEveryInput(t *testing.T) {
	r := ring(t, rig.Key('k', 32), rig.Key('n', 32))
	p := challenge(r, "default", "alice@example.com", "")
	base := r.Once(p, "t", "secret")
	require.Len(t, base, 8)
	require.Equal(t, base, ring(t, rig.Key('x', 32), rig.Key('n', 32)).Once(p, "t", "secret"), "rotations keep it")
	for i, other := range []string{
		r.Once(challenge(r, "login", "alice@example.com", ""), "t", "secret"),
		r.Once(challenge(r, "default", "bob@example.com", ""), "t", "secret"),
		r.Once(p, "h", "secret"),
		r.Once(p, "t", "secret2"),
		r.Once(p, "ts", "ecret"),
		ring(t, rig.Key('k', 32), rig.Key('m', 32)).Once(p, "t", "secret"),
	} {
		require.NotEqual(t, base, other, i)
	}
}
