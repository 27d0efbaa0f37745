package suite_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

func TestKeys_GoldenVectors(t *testing.T) {
	client, _ := onetimetest.NewRedis(t)
	rec := &rig.Recorder{Scripter: client}
	key, naming := rig.Key('k', 32), rig.Key('n', 33)
	m, err := onetime.New(rec, key, onetime.WithNamingKey(naming), onetime.WithPreviousKeys(rig.Key('p', 32)),
		onetime.WithLinkBase("https://example.com/"), onetime.WithSendLimits())
	require.NoError(t, err)
	m, err = m.Purpose("login")
	require.NoError(t, err)

	for _, binding := range []string{"", "cookie"} {
		tag := rig.Golden(t, naming, "naming", 16, "tag", "login", "alice@example.com")
		bindingTag, options := strings.Repeat("\x00", 8), []onetime.IssueOption{onetime.WithCode(), onetime.WithPayload([]byte("payload"))}
		prefix, request := "", ""
		if binding != "" {
			bindingTag = rig.Golden(t, naming, "naming", 8, "binding", "login", tag, binding)
			prefix = ":" + bindingTag
			request = "a request of 128 bits"
			options = append(options, onetime.WithBinding(binding), onetime.WithRequest(request))
		}

		link, err := m.IssueLink(t.Context(), " Alice@example.com", options...)
		require.NoError(t, err)

		require.Equal(t, "onetime:v1:login:{"+base64.RawURLEncoding.EncodeToString([]byte(tag))+"}", rec.Key)
		id := rec.Args[0].(string)
		require.Equal(t, base64.RawURLEncoding.EncodeToString([]byte(id)), link.ID)
		require.Equal(t, prefix, rec.Args[1])

		token, err := base64.RawURLEncoding.DecodeString(link.Token)
		require.NoError(t, err)
		require.Len(t, token, 57)
		body, nonce := string(token[:41]), string(token[25:41])
		require.Equal(t, "\x01"+tag+bindingTag+nonce, body)
		require.Equal(t, rig.Golden(t, key, "tokens", 16, "token", "login", body), string(token[41:]))

		for _, c := range []struct {
			kind, secret string
			ttl          time.Duration
			request      string
			at           int // in the arguments
		}{
			{"c", link.Code, 5 * time.Minute, request, 3},
			{"t", nonce, 10 * time.Minute, "", 4},
		} {
			digest := rig.Golden(t, key, "digests", 16, "digest", c.kind, "login", tag, bindingTag, c.request, c.secret)
			ttl := binary.BigEndian.AppendUint32(nil, uint32(c.ttl.Milliseconds()))
			require.Equal(t, c.kind+string(ttl)+digest, rec.Args[c.at])

			block, err := aes.NewCipher(rig.Derived(t, key, "sealing"))
			require.NoError(t, err)
			aead, err := cipher.NewGCM(block)
			require.NoError(t, err)
			sealed := []byte(rec.Args[5].(string))
			plain, err := aead.Open(nil, []byte(id), sealed, rig.Framed("sealed", "login", tag))
			require.NoError(t, err)
			require.Equal(t, "\x00\x11alice@example.compayload", string(plain))
		}
	}
}

// One name as a literal: it holds the helpers above, too.
func TestKeys_GoldenRedisKey(t *testing.T) {
	rec := &rig.Recorder{}
	m, err := onetime.New(rec, []byte("onetimetest: a key for tests only"))
	require.NoError(t, err)
	_, err = m.Status(t.Context(), "alice@example.com")
	rig.Undecided(t, err)
	require.Equal(t, "onetime:v1:default:{y2tTK4nbGBEaG_BGx0fQjg}", rec.Key)
}

func TestKeys_RedisKeyIsPrefixPurposeAndTag(t *testing.T) {
	rec := &rig.Recorder{}
	m, err := onetime.New(rec, onetimetest.Key, onetime.WithPrefix("app:auth"))
	require.NoError(t, err)
	m, err = m.Purpose("password-reset")
	require.NoError(t, err)
	_, err = m.Status(t.Context(), "alice@example.com")
	rig.Undecided(t, err)
	require.Regexp(t, `^app:auth:password-reset:\{[A-Za-z0-9_-]{22}\}$`, rec.Key)
}

func TestKeys_SealOnlyWhereThereIsSomethingToSeal(t *testing.T) {
	rec := &rig.Recorder{}
	m, err := onetime.New(rec, onetimetest.Key)
	require.NoError(t, err)
	for _, payload := range []string{"", "payload"} {
		_, err = m.IssueOTP(t.Context(), "a", onetime.WithPayload([]byte(payload)))
		rig.Undecided(t, err)
		require.Equal(t, payload == "", rec.Args[5] == "", "a code without payload has nothing to seal")
		_, err = m.IssueToken(t.Context(), "a", onetime.WithPayload([]byte(payload)))
		rig.Undecided(t, err)
		require.NotEmpty(t, rec.Args[5], "a token must give its subject back")
	}
}

func TestKeys_NoTwoSealsShareANonce(t *testing.T) {
	rec := &rig.Recorder{}
	m, err := onetime.New(rec, onetimetest.Key, onetime.WithLinkBase("https://example.com/"))
	require.NoError(t, err)
	seen := map[string]bool{}
	for range 500 {
		_, err := m.IssueLink(t.Context(), "a", onetime.WithCode(), onetime.WithPayload([]byte("payload")))
		rig.Undecided(t, err)
		nonce := rec.Args[0].(string) // the id of the issue
		require.Len(t, nonce, 12)
		require.False(t, seen[nonce])
		seen[nonce] = true
	}
}

// What is sealed for another person opens under this record only if somebody who holds the key sealed it there: even
// then it is no proof.
func TestKeys_SealedSubjectMustHaveTheTokensTag(t *testing.T) {
	for _, subject := range []string{"alice@example.com", "mallory@example.com"} {
		rec := &rig.Recorder{}
		issuer, err := onetime.New(&rig.TokenRedis{Recorder: rec}, onetimetest.Key)
		require.NoError(t, err)
		token, err := issuer.IssueToken(t.Context(), "alice@example.com")
		require.NoError(t, err)

		id := rec.Args[0].(string)
		sealed := rig.Seal(issuer, 0, rig.Challenge(issuer, "alice@example.com", ""), id, subject, nil)
		m, err := onetime.New(&rig.TokenRedis{Recorder: rec, Verify: []any{id, int64(1), int64(1), sealed}}, onetimetest.Key)
		require.NoError(t, err)
		v, err := m.VerifyToken(t.Context(), token.Value)
		if subject == "alice@example.com" {
			require.NoError(t, err)
			require.Equal(t, subject, v.Subject)
			continue
		}
		rig.Undecided(t, err)
		require.Equal(t, onetime.Verification{}, v)
	}
}

// deployments are the stages of a key rotation, from the time before it to the time after.
func deployments(t *testing.T, rdb redis.Scripter, opts ...onetime.Option) []*onetime.Manager {
	t.Helper()
	before, after, naming := rig.Key('o', 32), rig.Key('n', 32), onetime.WithNamingKey(rig.Key('o', 32))
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
			rig.Refused(t, err, onetime.ErrThrottled)

			codes := rig.WrongCodes(otp.Code, 3)
			verify := func(m *onetime.Manager, code string) *onetime.DeniedError {
				_, err := m.VerifyOTP(ctx, subject, code)
				return rig.Refused(t, err, onetime.ErrMismatch)
			}
			require.Equal(t, 4, verify(one, codes[0]).AttemptsLeft)
			require.Equal(t, 4, verify(two, codes[0]).AttemptsLeft, "a wrong code is charged once")
			require.Equal(t, 3, verify(two, codes[1]).AttemptsLeft)
			require.Equal(t, 3, verify(one, codes[1]).AttemptsLeft, "a wrong code is charged once")
			require.Positive(t, verify(one, codes[2]).RetryAfter)
			for _, m := range pair {
				_, err = m.VerifyOTP(ctx, subject, otp.Code)
				rig.Refused(t, err, onetime.ErrLocked)
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
			require.Equal(t, 4, rig.Refused(t, err, onetime.ErrMismatch).AttemptsLeft)
			_, err = c.issuer.VerifyOTP(ctx, name+"code", otp.Code)
			require.NoError(t, err, "that it was charged as a wrong one does not spoil it")

			token, err := c.issuer.IssueToken(ctx, name+"token")
			require.NoError(t, err)
			_, err = c.verifier.VerifyToken(ctx, token.Value)
			rig.Refused(t, err, onetime.ErrMismatch)
			_, err = c.issuer.VerifyToken(ctx, token.Value)
			require.NoError(t, err)
		})
	}
}

func TestKeys_NamesDoNotChangeWithTheKey(t *testing.T) {
	var keys []string
	for i := range 4 {
		rec := &rig.Recorder{}
		_, err := deployments(t, rec)[i].Status(t.Context(), "a")
		rig.Undecided(t, err)
		keys = append(keys, rec.Key)
	}
	require.Equal(t, []string{keys[0], keys[0], keys[0], keys[0]}, keys)
}
