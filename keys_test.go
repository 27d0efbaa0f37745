package onetime_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// A recorder remembers the key and the arguments of the last script. A call without a Redis behind it fails.
type recorder struct {
	redis.Scripter
	key  string
	args []any
}

func (r *recorder) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	r.key, r.args = keys[0], args
	if r.Scripter == nil {
		cmd := redis.NewCmd(ctx)
		cmd.SetErr(errors.New("no Redis behind the recorder"))
		return cmd
	}
	return r.Scripter.EvalSha(ctx, sha, keys, args...)
}

// The format of all that is derived from the keys, written down a second time: what is outstanding at an update of the
// library must verify after it.

func parts(parts ...string) []byte {
	var framed []byte
	for _, part := range parts {
		framed = binary.BigEndian.AppendUint32(framed, uint32(len(part)))
		framed = append(framed, part...)
	}
	return framed
}

func derived(t testing.TB, key []byte, use string) []byte {
	t.Helper()
	k, err := hkdf.Key(sha256.New, key, nil, "onetime v1 "+use, 32)
	require.NoError(t, err)
	return k
}

func golden(t testing.TB, key []byte, use string, size int, of ...string) string {
	t.Helper()
	mac := hmac.New(sha256.New, derived(t, key, use))
	mac.Write(parts(of...))
	return string(mac.Sum(nil)[:size])
}

func TestKeys_FrameTellsPartsApart(t *testing.T) {
	require.Equal(t, "\x00\x00\x00\x01a\x00\x00\x00\x02bc", onetime.Frame("a", "bc"))
	seen := map[string][]string{}
	for _, list := range [][]string{
		nil, {""}, {"", ""}, {"abc"}, {"a", "bc"}, {"ab", "c"}, {"abc", ""}, {"", "abc"}, {"a", "b", "c"},
		{"a", "", "bc"}, {"\x00\x00\x00\x01a"}, {"a\x00\x00\x00\x02bc"}, {"a:bc"},
	} {
		framed := onetime.Frame(list...)
		require.NotContains(t, seen, framed, "%q", list)
		seen[framed] = list
	}
}

func TestKeys_DigestsDifferByEveryInput(t *testing.T) {
	m := offline(t, onetime.WithNamingKey(aKey('n', 32)), onetime.WithPreviousKeys(aKey('p', 32)))
	p := onetime.NewPlace(m, "alice@example.com", "cookie")
	base := onetime.Digest(m, 0, p, "c", "123456")
	require.Len(t, base, 16)
	require.Equal(t, base, onetime.Digest(m, 0, p, "c", "123456"))

	other := func(change func(*onetime.Place)) onetime.Place {
		changed := p
		change(&changed)
		return changed
	}
	digests := map[string]string{
		"the same": base,
		"key":      onetime.Digest(m, 1, p, "c", "123456"),
		"kind":     onetime.Digest(m, 0, p, "t", "123456"),
		"secret":   onetime.Digest(m, 0, p, "c", "123457"),
		"purpose":  onetime.Digest(m, 0, other(func(p *onetime.Place) { p.Purpose = "login" }), "c", "123456"),
		"tag":      onetime.Digest(m, 0, other(func(p *onetime.Place) { p.Tag = strings.Repeat("x", 16) }), "c", "123456"),
		"binding":  onetime.Digest(m, 0, other(func(p *onetime.Place) { p.Binding = strings.Repeat("x", 8) }), "c", "123456"),
		"unbound":  onetime.Digest(m, 0, other(func(p *onetime.Place) { p.Binding = strings.Repeat("\x00", 8) }), "c", "123456"),
	}
	seen := map[string]string{}
	for name, digest := range digests {
		require.Empty(t, seen[digest], name)
		seen[digest] = name
	}
}

func TestKeys_TagsDifferByEveryInput(t *testing.T) {
	m := offline(t)
	login, err := m.Purpose("login")
	require.NoError(t, err)
	other, err := onetime.New(untouched{t: t}, aKey('k', 32))
	require.NoError(t, err)
	renamed, err := onetime.New(untouched{t: t}, aKey('k', 32), onetime.WithNamingKey(onetimetest.Key))
	require.NoError(t, err)

	p := onetime.NewPlace(m, "alice@example.com", "cookie")
	require.Len(t, p.Tag, 16)
	require.Len(t, p.Binding, 8)
	require.Equal(t, p, onetime.NewPlace(m, "alice@example.com", "cookie"))
	require.Equal(t, p, onetime.NewPlace(renamed, "alice@example.com", "cookie"), "names depend on the naming key alone")
	require.Equal(t, strings.Repeat("\x00", 8), onetime.NewPlace(m, "alice@example.com", "").Binding)

	tags, bindings := map[string]string{p.Tag: "the same"}, map[string]string{p.Binding: "the same"}
	for name, place := range map[string]onetime.Place{
		"subject": onetime.NewPlace(m, "bob@example.com", "cookie"),
		"purpose": onetime.NewPlace(login, "alice@example.com", "cookie"),
		"key":     onetime.NewPlace(other, "alice@example.com", "cookie"),
	} {
		require.Empty(t, tags[place.Tag], name)
		require.Empty(t, bindings[place.Binding], name)
		tags[place.Tag], bindings[place.Binding] = name, name
	}
	binding := onetime.NewPlace(m, "alice@example.com", "other cookie")
	require.Equal(t, p.Tag, binding.Tag)
	require.Empty(t, bindings[binding.Binding])
}

func TestKeys_GoldenVectors(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	rec := &recorder{Scripter: client}
	key, naming := aKey('k', 32), aKey('n', 33)
	m, err := onetime.New(rec, key, onetime.WithNamingKey(naming), onetime.WithPreviousKeys(aKey('p', 32)),
		onetime.WithLinkBase("https://example.com/"), onetime.WithSendLimits())
	require.NoError(t, err)
	m, err = m.Purpose("login")
	require.NoError(t, err)

	for _, binding := range []string{"", "cookie"} {
		tag := golden(t, naming, "naming", 16, "tag", "login", "alice@example.com")
		bindingTag, options := strings.Repeat("\x00", 8), []onetime.IssueOption{onetime.WithCode(), onetime.WithPayload([]byte("payload"))}
		prefix := ""
		if binding != "" {
			bindingTag = golden(t, naming, "naming", 8, "binding", "login", tag, binding)
			prefix = ":" + bindingTag
			options = append(options, onetime.WithBinding(binding))
		}

		link, err := m.IssueLink(t.Context(), " Alice@example.com", options...)
		require.NoError(t, err)

		require.Equal(t, "onetime:v1:login:{"+base64.RawURLEncoding.EncodeToString([]byte(tag))+"}", rec.key)
		id := rec.args[0].(string)
		require.Equal(t, base64.RawURLEncoding.EncodeToString([]byte(id)), link.ID)
		require.Equal(t, prefix, rec.args[1])

		token, err := base64.RawURLEncoding.DecodeString(link.Token)
		require.NoError(t, err)
		require.Len(t, token, 57)
		body, nonce := string(token[:41]), string(token[25:41])
		require.Equal(t, "\x01"+tag+bindingTag+nonce, body)
		require.Equal(t, golden(t, key, "tokens", 16, "token", "login", body), string(token[41:]))

		for _, c := range []struct {
			kind, secret string
			ttl          time.Duration
			at           int // of the part in the arguments, its sealed part behind it
		}{
			{"c", link.Code, 5 * time.Minute, 3},
			{"t", nonce, 10 * time.Minute, 5},
		} {
			digest := golden(t, key, "digests", 16, "digest", c.kind, "login", tag, bindingTag, c.secret)
			ttl := binary.BigEndian.AppendUint32(nil, uint32(c.ttl.Milliseconds()))
			require.Equal(t, c.kind+"1"+string(ttl)+digest, rec.args[c.at])

			block, err := aes.NewCipher(derived(t, key, "sealing"))
			require.NoError(t, err)
			aead, err := cipher.NewGCM(block)
			require.NoError(t, err)
			sealed := []byte(rec.args[c.at+1].(string))
			plain, err := aead.Open(nil, sealed[:12], sealed[12:], parts("sealed", c.kind, "login", tag, bindingTag, id, digest))
			require.NoError(t, err)
			require.Equal(t, "\x00\x11alice@example.compayload", string(plain))
		}
	}
}

// One name as a literal: it holds the helpers above, too.
func TestKeys_GoldenRedisKey(t *testing.T) {
	rec := &recorder{}
	m, err := onetime.New(rec, []byte("onetimetest: a key for tests only"))
	require.NoError(t, err)
	_, err = m.Status(t.Context(), "alice@example.com")
	undecided(t, err)
	require.Equal(t, "onetime:v1:default:{y2tTK4nbGBEaG_BGx0fQjg}", rec.key)
}

func TestKeys_RedisKeyIsPrefixPurposeAndTag(t *testing.T) {
	rec := &recorder{}
	m, err := onetime.New(rec, onetimetest.Key, onetime.WithPrefix("app:auth"))
	require.NoError(t, err)
	m, err = m.Purpose("password-reset")
	require.NoError(t, err)
	_, err = m.Status(t.Context(), "alice@example.com")
	undecided(t, err)
	require.Regexp(t, `^app:auth:password-reset:\{[A-Za-z0-9_-]{22}\}$`, rec.key)
}

func TestKeys_SealOnlyWhereThereIsSomethingToSeal(t *testing.T) {
	rec := &recorder{}
	m, err := onetime.New(rec, onetimetest.Key)
	require.NoError(t, err)
	for _, payload := range []string{"", "payload"} {
		_, err = m.IssueOTP(t.Context(), "a", onetime.WithPayload([]byte(payload)))
		undecided(t, err)
		require.Equal(t, payload == "", rec.args[4] == "", "a code without payload has nothing to seal")
		_, err = m.IssueToken(t.Context(), "a", onetime.WithPayload([]byte(payload)))
		undecided(t, err)
		require.NotEmpty(t, rec.args[6], "a token must give its subject back")
	}
}

func TestKeys_WhatIsSealedOpens(t *testing.T) {
	m := offline(t)
	p := onetime.NewPlace(m, "alice@example.com", "cookie")
	for _, c := range []struct {
		subject string
		payload []byte
	}{
		{"alice@example.com", []byte("payload")},
		{"alice@example.com", nil},
		{"a", make([]byte, 4096)},
		{strings.Repeat("s", 512), []byte{0}},
	} {
		sealed := onetime.Seal(m, 0, p, "t", "id", "digest", c.subject, c.payload)
		require.Len(t, sealed, 12+2+len(c.subject)+len(c.payload)+16)
		subject, payload, err := onetime.Open(m, 0, p, "t", "id", "digest", sealed)
		require.NoError(t, err)
		require.Equal(t, c.subject, subject)
		require.Equal(t, c.payload, payload)
	}
}

func TestKeys_NothingAlteredOrMovedOpens(t *testing.T) {
	m := offline(t, onetime.WithNamingKey(aKey('n', 32)), onetime.WithPreviousKeys(aKey('p', 32)))
	p := onetime.NewPlace(m, "alice@example.com", "cookie")
	sealed := onetime.Seal(m, 0, p, "t", "id", "digest", "alice@example.com", []byte("payload"))
	shut := func(name string, i int, p onetime.Place, kind, id, digest, sealed string) {
		t.Helper()
		subject, payload, err := onetime.Open(m, i, p, kind, id, digest, sealed)
		require.Error(t, err, name)
		require.Empty(t, subject, name)
		require.Empty(t, payload, name)
	}
	other := func(change func(*onetime.Place)) onetime.Place {
		changed := p
		change(&changed)
		return changed
	}
	shut("key", 1, p, "t", "id", "digest", sealed)
	shut("purpose", 0, other(func(p *onetime.Place) { p.Purpose += "x" }), "t", "id", "digest", sealed)
	shut("tag", 0, other(func(p *onetime.Place) { p.Tag += "x" }), "t", "id", "digest", sealed)
	shut("binding", 0, other(func(p *onetime.Place) { p.Binding += "x" }), "t", "id", "digest", sealed)
	shut("kind", 0, p, "c", "id", "digest", sealed)
	shut("id", 0, p, "t", "ie", "digest", sealed)
	shut("digest", 0, p, "t", "id", "digesu", sealed)
	shut("id and digest shifted", 0, p, "t", "idd", "igest", sealed)
	for i := range sealed {
		altered := []byte(sealed)
		altered[i] ^= 1 << (i % 8)
		shut(fmt.Sprint("byte ", i), 0, p, "t", "id", "digest", string(altered))
		shut(fmt.Sprint("cut at ", i), 0, p, "t", "id", "digest", sealed[:i])
	}
	shut("extended", 0, p, "t", "id", "digest", sealed+"\x00")
}

// Only who holds the key can seal what is too short for the subject that it announces: then it is an error, no panic.
func TestKeys_SealedPartWithoutItsSubjectDoesNotOpen(t *testing.T) {
	m := offline(t)
	p := onetime.NewPlace(m, "alice@example.com", "cookie")
	block, err := aes.NewCipher(derived(t, onetimetest.Key, "sealing"))
	require.NoError(t, err)
	aead, err := cipher.NewGCMWithRandomNonce(block)
	require.NoError(t, err)
	for plain, opens := range map[string]bool{
		"": false, "\x00": false, "\x00\x00": true, "\x00\x01": false, "\x00\x02a": false, "\x00\x01a": true, "\xff\xffa": false,
	} {
		sealed := aead.Seal(nil, nil, []byte(plain), parts("sealed", "t", p.Purpose, p.Tag, p.Binding, "id", "digest"))
		subject, payload, err := onetime.Open(m, 0, p, "t", "id", "digest", string(sealed))
		require.Equal(t, opens, err == nil, "%q", plain)
		require.Nil(t, payload)
		require.Equal(t, opens && len(plain) > 2, subject == "a", "%q", plain)
	}
}

func TestKeys_NoTwoSealsShareANonce(t *testing.T) {
	rec := &recorder{}
	m, err := onetime.New(rec, onetimetest.Key, onetime.WithLinkBase("https://example.com/"))
	require.NoError(t, err)
	seen := map[string]bool{}
	for range 500 {
		_, err := m.IssueLink(t.Context(), "a", onetime.WithCode(), onetime.WithPayload([]byte("payload")))
		undecided(t, err)
		for _, at := range []int{4, 6} { // of the code, of the token
			nonce := rec.args[at].(string)[:12]
			require.False(t, seen[nonce])
			seen[nonce] = true
		}
	}
}

// What is sealed for another person opens under this record only if somebody who holds the key sealed it there: even
// then it is no proof.
func TestKeys_SealedSubjectMustHaveTheTokensTag(t *testing.T) {
	for _, subject := range []string{"alice@example.com", "mallory@example.com"} {
		rec := &recorder{}
		issuer, err := onetime.New(&answerToken{recorder: rec}, onetimetest.Key)
		require.NoError(t, err)
		token, err := issuer.IssueToken(t.Context(), "alice@example.com")
		require.NoError(t, err)

		id, digest := rec.args[0].(string), rec.args[5].(string)[6:]
		sealed := onetime.Seal(issuer, 0, onetime.NewPlace(issuer, "alice@example.com", ""), "t", id, digest, subject, nil)
		m, err := onetime.New(&answerToken{recorder: rec, verify: []any{id, int64(1), int64(1), sealed}}, onetimetest.Key)
		require.NoError(t, err)
		v, err := m.VerifyToken(t.Context(), token.Value)
		if subject == "alice@example.com" {
			require.NoError(t, err)
			require.Equal(t, subject, v.Subject)
			continue
		}
		undecided(t, err)
		require.Equal(t, onetime.Verification{}, v)
	}
}

// An answerToken is a Redis that takes a token, or gives one back with verify.
type answerToken struct {
	*recorder
	verify []any
}

func (a *answerToken) EvalSha(ctx context.Context, _ string, keys []string, args ...any) *redis.Cmd {
	a.key, a.args = keys[0], args
	cmd := redis.NewCmd(ctx)
	if a.verify == nil {
		cmd.SetVal([]any{args[0], int64(1), int64(0), int64(0)})
	} else {
		cmd.SetVal(append([]any{args[0], int64(1)}, a.verify...))
	}
	return cmd
}

func TestKeys_MACsAreSafeForConcurrentUse(t *testing.T) {
	m := offline(t)
	subject := func(i int) string { return strings.Repeat("s", i+1) }
	var tags, digests [64]string
	for i := range tags {
		p := onetime.NewPlace(m, subject(i), "")
		tags[i], digests[i] = p.Tag, onetime.Digest(m, 0, p, "c", "123456")
	}
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for n := range 500 {
				i := (n + worker) % len(tags)
				p := onetime.NewPlace(m, subject(i), "")
				if p.Tag != tags[i] || onetime.Digest(m, 0, p, "c", "123456") != digests[i] {
					t.Error("a MAC of another call")
					return
				}
				sealed := onetime.Seal(m, 0, p, "c", "id", "digest", subject(i), nil)
				if got, _, err := onetime.Open(m, 0, p, "c", "id", "digest", sealed); err != nil || got != subject(i) {
					t.Error("a seal of another call")
					return
				}
			}
		})
	}
	group.Wait()
}

// deployments are the stages of a key rotation, from the time before it to the time after.
func deployments(t *testing.T, rdb redis.Scripter, opts ...onetime.Option) []*onetime.Manager {
	t.Helper()
	before, after, naming := aKey('o', 32), aKey('n', 32), onetime.WithNamingKey(aKey('o', 32))
	var managers []*onetime.Manager
	for _, d := range []struct {
		key  []byte
		opts []onetime.Option
	}{
		{before, nil},
		{before, []onetime.Option{naming, onetime.WithPreviousKeys(after)}},
		{after, []onetime.Option{naming, onetime.WithPreviousKeys(before)}},
		{after, []onetime.Option{naming}},
	} {
		m, err := onetime.New(rdb, d.key, append(d.opts, opts...)...)
		require.NoError(t, err)
		managers = append(managers, m)
	}
	return managers
}

func TestKeyRotation_EitherVerifiesWhatEitherIssuedAtEachStep(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	stages := deployments(t, client, onetime.WithLinkBase("https://example.com/"))
	for step := range 3 {
		pair := stages[step : step+2]
		for i, issuer := range pair {
			for j, verifier := range pair {
				t.Run(fmt.Sprintf("step %d, issued by %d, verified by %d", step+1, i, j), func(t *testing.T) {
					ctx, subject := t.Context(), t.Name()
					otp, err := issuer.IssueOTP(ctx, subject+"code", onetime.WithPayload([]byte("payload")))
					require.NoError(t, err)
					v, err := verifier.VerifyOTP(ctx, subject+"code", otp.Code)
					require.NoError(t, err)
					require.Equal(t, "payload", string(v.Payload))

					link, err := issuer.IssueLink(ctx, subject+"link", onetime.WithBinding("cookie"))
					require.NoError(t, err)
					v, err = verifier.VerifyToken(ctx, link.Token, onetime.WithBinding("cookie"), onetime.WithSubject(subject+"link"))
					require.NoError(t, err)
					require.Equal(t, subject+"link", v.Subject)
					require.NoError(t, v.Undo(ctx))
					_, err = pair[1-j].VerifyToken(ctx, link.Token, onetime.WithBinding("cookie"))
					require.NoError(t, err)
				})
			}
		}
	}
}

func TestKeyRotation_LimitsAndChargesAreShared(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	guesses := onetime.WithGuessLimits(onetime.Limit{Burst: 3, Per: time.Hour})
	stages := deployments(t, client, guesses)
	for step := range 3 {
		for _, pair := range [][]*onetime.Manager{{stages[step], stages[step+1]}, {stages[step+1], stages[step]}} {
			ctx, subject := t.Context(), fmt.Sprintf("%p %d", pair[0], step)
			one, two := pair[0], pair[1]
			otp, err := one.IssueOTP(ctx, subject)
			require.NoError(t, err)
			_, err = two.IssueOTP(ctx, subject)
			refused(t, err, onetime.ErrThrottled)

			codes := wrong(otp.Code, 3)
			verify := func(m *onetime.Manager, code string) *onetime.DeniedError {
				_, err := m.VerifyOTP(ctx, subject, code)
				return refused(t, err, onetime.ErrMismatch)
			}
			require.Equal(t, 4, verify(one, codes[0]).AttemptsLeft)
			require.Equal(t, 4, verify(two, codes[0]).AttemptsLeft, "a wrong code is charged once")
			require.Equal(t, 3, verify(two, codes[1]).AttemptsLeft)
			require.Equal(t, 3, verify(one, codes[1]).AttemptsLeft, "a wrong code is charged once")
			require.Positive(t, verify(one, codes[2]).RetryAfter)
			for _, m := range pair {
				_, err = m.VerifyOTP(ctx, subject, otp.Code)
				refused(t, err, onetime.ErrLocked)
				status, err := m.Status(ctx, subject)
				require.NoError(t, err)
				require.Equal(t, 3, status.Failures)
			}
		}
	}
}

func TestKeyRotation_WhoDoesNotKnowTheNewestKeyTakesRightCodesForWrongOnes(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	stages := deployments(t, client)
	ctx := t.Context()
	for name, c := range map[string]struct{ issuer, verifier *onetime.Manager }{
		"a deployment left out":    {stages[2], stages[0]},
		"the old key out too soon": {stages[1], stages[3]},
	} {
		t.Run(name, func(t *testing.T) {
			otp, err := c.issuer.IssueOTP(ctx, name+"code")
			require.NoError(t, err)
			_, err = c.verifier.VerifyOTP(ctx, name+"code", otp.Code)
			require.Equal(t, 4, refused(t, err, onetime.ErrMismatch).AttemptsLeft)
			_, err = c.issuer.VerifyOTP(ctx, name+"code", otp.Code)
			require.NoError(t, err, "that it was charged as a wrong one does not spoil it")

			token, err := c.issuer.IssueToken(ctx, name+"token")
			require.NoError(t, err)
			_, err = c.verifier.VerifyToken(ctx, token.Value)
			refused(t, err, onetime.ErrMismatch)
			_, err = c.issuer.VerifyToken(ctx, token.Value)
			require.NoError(t, err)
		})
	}
}

func TestKeys_NamesDoNotChangeWithTheKey(t *testing.T) {
	var keys []string
	for i := range 4 {
		rec := &recorder{}
		_, err := deployments(t, rec)[i].Status(t.Context(), "a")
		undecided(t, err)
		keys = append(keys, rec.key)
	}
	require.Equal(t, []string{keys[0], keys[0], keys[0], keys[0]}, keys)
}
