package onetime_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// aToken returns a token of alice@example.com under onetimetest.Key, of which no Redis knows.
func aToken(t testing.TB) string {
	t.Helper()
	m, err := onetime.New(&rig.TokenRedis{Recorder: &rig.Recorder{}}, onetimetest.Key)
	require.NoError(t, err)
	token, err := m.IssueToken(t.Context(), "alice@example.com")
	require.NoError(t, err)
	return token.Value
}

// judges are the two calls that take a token.
func judges(m *onetime.Manager) map[string]func(context.Context, string, ...onetime.VerifyOption) (onetime.Verification, error) {
	return map[string]func(context.Context, string, ...onetime.VerifyOption) (onetime.Verification, error){
		"VerifyToken": m.VerifyToken, "InspectToken": m.InspectToken,
	}
}

func TestIssueToken_76CharactersForOneVerification(t *testing.T) {
	m, clock := onetimetest.New(t, onetime.WithSendLimits())
	seen := map[string]bool{}
	for _, subject := range []string{"a", strings.Repeat("s", 512)} {
		for _, payload := range []int{0, 60, 4096} {
			token, err := m.IssueToken(t.Context(), subject, onetime.WithPayload(make([]byte, payload)))
			require.NoError(t, err)
			require.Regexp(t, `^[A-Za-z0-9_-]{76}$`, token.Value)
			require.False(t, seen[token.Value])
			seen[token.Value] = true
			require.Equal(t, 10*time.Minute, token.ExpiresIn)

			v, err := m.VerifyToken(t.Context(), token.Value)
			require.NoError(t, err)
			require.Equal(t, subject, v.Subject)
			require.Equal(t, "default", v.Purpose)
			require.Equal(t, token.ID, v.ID)
			require.Equal(t, clock.Now(), v.IssuedAt)
			require.Len(t, v.Payload, payload)
			require.False(t, v.FixedCode)
			_, err = m.VerifyToken(t.Context(), token.Value)
			rig.Refused(t, err, onetime.ErrUsed)
		}
	}
}

func TestIssueToken_NoCodeBesideIt(t *testing.T) {
	m, clock := onetimetest.New(t)
	token, err := m.IssueToken(t.Context(), "a")
	require.NoError(t, err)
	status, err := m.Status(t.Context(), "a")
	require.NoError(t, err)
	require.Equal(t, []onetime.Pending{{
		ID: token.ID, Token: true, AttemptsLeft: 5, IssuedAt: clock.Now(), ExpiresIn: token.ExpiresIn,
	}}, status.Pending)
}

func TestVerifyToken_AnyCharacterChangedNeverVerifies(t *testing.T) {
	m := rig.Offline(t)
	token := aToken(t)
	for i := range token {
		for _, c := range tokenAlphabet {
			changed := token[:i] + string(c) + token[i+1:]
			if changed == token {
				continue
			}
			raw, err := base64.RawURLEncoding.DecodeString(changed)
			require.NoError(t, err)
			reason := onetime.ErrMismatch
			if raw[0] != 1 { // the version
				reason = onetime.ErrMalformed
			}
			v, err := m.VerifyToken(t.Context(), changed)
			require.Equal(t, &onetime.DeniedError{Reason: reason}, err, "character %d changed to %c", i, c)
			require.Equal(t, onetime.Verification{}, v)
		}
	}
}

func TestVerifyToken_ForgedTokenAsksNothingOfRedis(t *testing.T) {
	body := func(token string) string {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		require.NoError(t, err)
		return string(raw[:41])
	}
	own := body(aToken(t))
	wire := func(body, mac string) string { return base64.RawURLEncoding.EncodeToString([]byte(body + mac)) }
	mac := func(key []byte, use string, of ...string) string { return rig.Golden(t, key, use, 16, of...) }
	key := onetimetest.Key
	m := rig.Offline(t)
	for name, forged := range map[string]string{
		"no MAC":             wire(own, strings.Repeat("\x00", 16)),
		"MAC of another key": wire(own, mac(rig.Key('x', 32), "tokens", "token", "default", own)),
		"MAC of another use": wire(own, mac(key, "digests", "token", "default", own)),
		"other label":        wire(own, mac(key, "tokens", "digest", "default", own)),
		"other purpose":      wire(own, mac(key, "tokens", "token", "login", own)),
		"not the whole body": wire(own, mac(key, "tokens", "token", "default", own[:40])),
		"parts shifted":      wire(own, mac(key, "tokens", "token", "default"+own[:1], own[1:])),
		"unkeyed":            wire(own, mac(nil, "tokens", "token", "default", own)),
	} {
		for call, judge := range judges(m) {
			v, err := judge(t.Context(), forged)
			require.Equal(t, &onetime.DeniedError{Reason: onetime.ErrMismatch}, err, "%s: %s", call, name)
			require.Equal(t, onetime.Verification{}, v)
		}
	}
	for _, version := range []string{"\x00", "\x02", "\x81"} {
		other := version + own[1:]
		_, err := m.VerifyToken(t.Context(), wire(other, mac(key, "tokens", "token", "default", other)))
		require.Equal(t, &onetime.DeniedError{Reason: onetime.ErrMalformed}, err, "the MAC is right, the version is not")
	}
}

func TestVerifyToken_OtherSpellingsAreRefusedForFree(t *testing.T) {
	m := rig.Offline(t)
	token := aToken(t)
	for !strings.Contains(token[4:72], "-") || !strings.Contains(token[4:72], "_") {
		token = aToken(t)
	}
	percent := ""
	for _, b := range []byte(token) {
		percent += fmt.Sprintf("%%%02X", b)
	}
	spellings := map[string]string{
		"empty":                       "",
		"padded":                      token + "=",
		"padded twice":                token + "==",
		"padding replaces":            token[:75] + "=",
		"padding replaces two":        token[:74] + "==",
		"standard alphabet":           strings.NewReplacer("-", "+", "_", "/").Replace(token),
		"standard alphabet, -":        strings.ReplaceAll(token, "-", "+"),
		"standard alphabet, _":        strings.ReplaceAll(token, "_", "/"),
		"leading space":               " " + token,
		"space replaces":              token[:40] + " " + token[41:],
		"space for the last":          token[:75] + " ",
		"newlines replace a group":    token[:40] + "\n\n\n\n" + token[44:],
		"newlines for the last group": token[:72] + "\r\n\r\n",
		"only newlines":               strings.Repeat("\n", 76),
		"only spaces":                 strings.Repeat(" ", 76),
		"zero bytes":                  strings.Repeat("\x00", 76),
		"trailing zero byte":          token + "\x00",
		"trailing escape":             token + "\x1b[0m",
		"words behind it":             token + " and so on",
		"more than 512 bytes":         token + strings.Repeat(" ", 512-len(token)+1),
		"not UTF-8 behind it":         token + "\xff",
		"percent-encoded":             percent,
		"percent-encoded -":           strings.ReplaceAll(token, "-", "%2D"),
		"a URL":                       "https://example.com/in?token=" + token,
		"a query":                     "token=" + token,
		"a query and more":            "?token=" + token + "&a=b",
		"quoted":                      `"` + token + `"`,
		"bearer":                      "Bearer " + token,
		"extended":                    token + "A",
		"extended by a group":         token + "AAAA",
		"led by a group":              "AAAA" + token,
		"twice":                       token + token,
		"full-width":                  string(rune(token[0])+0xFEE0) + token[1:],
		"full-width, 76 bytes":        string(rune(token[0])+0xFEE0) + token[3:],
		"not UTF-8":                   "\xff" + token[1:],
		"standard Base64 of 57 bytes": base64.StdEncoding.EncodeToString([]byte(strings.Repeat("\xff", 57))),
		"hexadecimal":                 fmt.Sprintf("%x", token)[:76],
		"a megabyte":                  strings.Repeat("A", 1<<20),
	}
	for i := range len(token) {
		spellings[fmt.Sprint("truncated to ", i)] = token[:i]
		spellings[fmt.Sprint("without the first ", i+1)] = token[i+1:]
		spellings[fmt.Sprint("newline before ", i)] = token[:i] + "\n" + token[i:]
		spellings[fmt.Sprint("newline for ", i)] = token[:i] + "\n" + token[i+1:]
		spellings[fmt.Sprint("carriage return for ", i)] = token[:i] + "\r" + token[i+1:]
	}
	for name, spelling := range spellings {
		for call, judge := range judges(m) {
			v, err := judge(t.Context(), spelling)
			require.Equal(t, &onetime.DeniedError{Reason: onetime.ErrMalformed}, err, "%s: %s", call, name)
			require.Equal(t, onetime.Verification{}, v)
		}
	}
	for name, spelling := range map[string]string{
		"upper case":          strings.ToUpper(token),
		"lower case":          strings.ToLower(token),
		"all A":               strings.Repeat("A", 76),
		"reversed alphabet":   strings.NewReplacer("-", "_", "_", "-").Replace(token),
		"first two exchanged": token[1:2] + token[:1] + token[2:],
	} {
		_, err := m.VerifyToken(t.Context(), spelling)
		require.True(t, errors.Is(err, onetime.ErrMalformed) || errors.Is(err, onetime.ErrMismatch), name)
	}
	require.Equal(t, token, url.QueryEscape(token), "a token needs no escape in a URL")
}

func TestVerifyToken_OfAnotherPurposeOrKeyIsAMismatch(t *testing.T) {
	token := aToken(t)
	login, err := rig.Offline(t).Purpose("login")
	require.NoError(t, err)
	naming := onetime.WithNamingKey(onetimetest.Key)
	key, err := onetime.New(rig.Untouched{T: t}, rig.Key('k', 32), naming)
	require.NoError(t, err)
	ring, err := onetime.New(rig.Untouched{T: t}, rig.Key('k', 32), naming, onetime.WithPreviousKeys(rig.Key('p', 32), rig.Key('q', 32)))
	require.NoError(t, err)
	for name, m := range map[string]*onetime.Manager{"purpose": login, "key": key, "ring": ring} {
		for call, judge := range judges(m) {
			_, err := judge(t.Context(), token)
			require.Equal(t, &onetime.DeniedError{Reason: onetime.ErrMismatch}, err, "%s: %s", call, name)
			_, err = judge(t.Context(), token, onetime.WithSubject("bob@example.com"), onetime.WithBinding("cookie"))
			require.Equal(t, &onetime.DeniedError{Reason: onetime.ErrMismatch}, err, "a forged token learns nothing of subject and binding")
		}
	}
}

func TestVerifyToken_SubjectAndBindingAreJudgedBeforeAnythingIsUsed(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithSendLimits())
	local := rig.Offline(t)
	ctx := t.Context()
	cookie, other, ignore := onetime.WithBinding("cookie"), onetime.WithBinding("other"), onetime.IgnoreBinding()
	alice, spelling, bob := onetime.WithSubject("alice@example.com"), onetime.WithSubject(" Alice@Example.com"), onetime.WithSubject("bob@example.com")
	type shown []onetime.VerifyOption

	for name, c := range map[string]struct {
		issue             []onetime.IssueOption
		verified          []shown
		binding, subjects []shown
	}{
		"unbound": {
			verified: []shown{{}, {ignore}, {ignore, other}, {alice}, {spelling}, {ignore, alice}},
			binding:  []shown{{cookie}, {other}, {alice, cookie}},
			subjects: []shown{{bob}, {bob, ignore}, {bob, cookie}},
		},
		"bound": {
			issue:    []onetime.IssueOption{cookie},
			verified: []shown{{cookie}, {ignore}, {ignore, cookie}, {ignore, other}, {other, ignore}, {alice, cookie}, {spelling, ignore}},
			binding:  []shown{{}, {other}, {alice}, {alice, other}},
			subjects: []shown{{bob}, {bob, cookie}, {bob, ignore}, {bob, other}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			token, err := m.IssueToken(ctx, "alice@example.com", c.issue...)
			require.NoError(t, err)
			deny := func(options []shown, reason error) {
				for i, shown := range options {
					for _, manager := range []*onetime.Manager{m, local} {
						for call, judge := range judges(manager) {
							v, err := judge(ctx, token.Value, shown...)
							require.Equal(t, &onetime.DeniedError{Reason: reason}, err, "%s %d", call, i)
							require.Equal(t, onetime.Verification{}, v)
						}
					}
				}
			}
			deny(c.binding, onetime.ErrBinding)
			deny(c.subjects, onetime.ErrSubject)
			for i, shown := range c.verified {
				v, err := m.InspectToken(ctx, token.Value, shown...)
				require.NoError(t, err, i)
				require.Equal(t, "alice@example.com", v.Subject)
			}
			for i, shown := range c.verified {
				v, err := m.VerifyToken(ctx, token.Value, shown...)
				require.NoError(t, err, i)
				require.Equal(t, token.ID, v.ID)
				deny(c.binding, onetime.ErrBinding)
				require.NoError(t, v.Undo(ctx))
			}
		})
	}
}

func TestInspectToken_UsesNothingUp(t *testing.T) {
	m, clock := onetimetest.New(t)
	ctx := t.Context()
	token, err := m.IssueToken(ctx, "alice@example.com", onetime.WithPayload([]byte("payload")))
	require.NoError(t, err)
	before, err := m.Status(ctx, "alice@example.com")
	require.NoError(t, err)
	for range 5 {
		v, err := m.InspectToken(ctx, token.Value)
		require.NoError(t, err)
		require.Equal(t, "alice@example.com", v.Subject)
		require.Equal(t, "payload", string(v.Payload))
		require.Equal(t, token.ID, v.ID)
		require.Equal(t, clock.Now(), v.IssuedAt)
		rig.Invalid(t, v.Undo(ctx), "onetime: Undo: want a Verification of VerifyOTP or VerifyToken")
	}
	after, err := m.Status(ctx, "alice@example.com")
	require.NoError(t, err)
	require.Equal(t, before, after)

	_, err = m.VerifyToken(ctx, token.Value)
	require.NoError(t, err)
	_, err = m.InspectToken(ctx, token.Value)
	rig.Refused(t, err, onetime.ErrUsed)
}

func TestUndo_OfWhatWasNeverVerifiedIsBadInput(t *testing.T) {
	rig.Invalid(t, onetime.Verification{}.Undo(t.Context()), "onetime: Undo: want a Verification of VerifyOTP or VerifyToken")
	made := onetime.Verification{Subject: "alice@example.com", Purpose: "default", ID: "AAAAAAAAAAAAAAAA"}
	rig.Invalid(t, made.Undo(t.Context()), "onetime: Undo: want a Verification of VerifyOTP or VerifyToken")
}

func TestVerifyToken_OfACodeIsMalformed(t *testing.T) {
	m := rig.Offline(t)
	for _, code := range []string{"123456", "123 456", "AAAAAAAAAAAAAAAA"} {
		_, err := m.VerifyToken(t.Context(), code)
		rig.Refused(t, err, onetime.ErrMalformed)
	}
}

func TestIssueLink_URLIsTheBaseWithTheTokenAsItsParameter(t *testing.T) {
	for base, want := range map[string]string{
		"https://example.com":               "https://example.com/?token=T",
		"https://example.com/":              "https://example.com/?token=T",
		"https://example.com?":              "https://example.com/?token=T",
		"https://example.com#":              "https://example.com/?token=T",
		"https://example.com/in":            "https://example.com/in?token=T",
		"https://example.com/in/":           "https://example.com/in/?token=T",
		"https://example.com/in?a=b":        "https://example.com/in?a=b&token=T",
		"https://example.com/in?b=1&a=2":    "https://example.com/in?b=1&a=2&token=T",
		"https://example.com?a=b":           "https://example.com/?a=b&token=T",
		"https://example.com/?tokens=a%20b": "https://example.com/?tokens=a%20b&token=T",
		"https://example.com/in#top":        "https://example.com/in?token=T#top",
		"https://example.com/in?a=b#/x?y=z": "https://example.com/in?a=b&token=T#/x?y=z",
		"https://example.com/#token=a%2Fb":  "https://example.com/?token=T#token=a%2Fb",
		"https://example.com/a%2Fb":         "https://example.com/a%2Fb?token=T",
		"https://example.com:8443/in":       "https://example.com:8443/in?token=T",
		"HTTPS://example.com/In":            "https://example.com/In?token=T",
		"http://localhost:8080/in":          "http://localhost:8080/in?token=T",
		"http://127.0.0.1/in":               "http://127.0.0.1/in?token=T",
		"http://[::1]:8080/in":              "http://[::1]:8080/in?token=T",
	} {
		m, err := onetime.New(&rig.TokenRedis{Recorder: &rig.Recorder{}}, onetimetest.Key, onetime.WithLinkBase(base))
		require.NoError(t, err)
		link, err := m.IssueLink(t.Context(), "alice@example.com")
		require.NoError(t, err)
		require.Regexp(t, `^[A-Za-z0-9_-]{76}$`, link.Token)
		require.Equal(t, strings.Replace(want, "=T", "="+link.Token, 1), link.URL)
		u, err := url.Parse(link.URL)
		require.NoError(t, err)
		require.Equal(t, []string{link.Token}, u.Query()["token"])
		require.NotContains(t, link.URL, "alice")
	}
}

func TestIssueLink_WithoutABaseAsksNothingOfRedis(t *testing.T) {
	link, err := rig.Offline(t).IssueLink(t.Context(), "alice@example.com", onetime.WithCode())
	rig.Invalid(t, err, "onetime: IssueLink: wants WithLinkBase")
	require.Equal(t, onetime.Link{}, link)
}

func TestIssueLink_ItsTokenVerifiesAndItsURLDoesNot(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithLinkBase("https://example.com/in"))
	link, err := m.IssueLink(t.Context(), "alice@example.com", onetime.WithPayload([]byte("payload")))
	require.NoError(t, err)
	require.Empty(t, link.Code)
	require.Zero(t, link.CodeExpiresIn)
	require.Equal(t, 10*time.Minute, link.ExpiresIn)
	require.Equal(t, 30*time.Second, link.ResendIn)
	_, err = m.VerifyToken(t.Context(), link.URL)
	rig.Refused(t, err, onetime.ErrMalformed)
	v, err := m.VerifyToken(t.Context(), link.Token)
	require.NoError(t, err)
	require.Equal(t, link.ID, v.ID)
	require.Equal(t, "alice@example.com", v.Subject)
	require.Equal(t, "payload", string(v.Payload))
}

func TestIssueLink_CodeAndLinkUseEachOtherUp(t *testing.T) {
	m, _ := onetimetest.New(t, onetime.WithLinkBase("https://example.com/in"), onetime.WithSendLimits())
	ctx := t.Context()
	for range 2 {
		link, err := m.IssueLink(ctx, "a", onetime.WithCode(), onetime.WithPayload([]byte("payload")))
		require.NoError(t, err)
		require.NotContains(t, link.URL, link.Code)
		v, err := m.VerifyOTP(ctx, "a", link.Code)
		require.NoError(t, err)
		require.Equal(t, link.ID, v.ID)
		require.Equal(t, "payload", string(v.Payload))
		_, err = m.VerifyToken(ctx, link.Token)
		rig.Refused(t, err, onetime.ErrUsed)

		require.NoError(t, v.Undo(ctx))
		_, err = m.VerifyToken(ctx, link.Token)
		require.NoError(t, err)
		_, err = m.VerifyOTP(ctx, "a", link.Code)
		rig.Refused(t, err, onetime.ErrUsed)
	}
}

func TestIssueLink_ACodeLivesNoLongerThanTheOTPTTL(t *testing.T) {
	const long = 24 * time.Hour
	m, clock := onetimetest.New(t, onetime.WithLinkBase("https://example.com/in"), onetime.WithTokenTTL(long), onetime.WithSendLimits())
	ctx := t.Context()
	for _, c := range []struct{ ttl, token, code time.Duration }{
		{0, long, 5 * time.Minute},
		{time.Hour, time.Hour, 5 * time.Minute},
		{time.Minute, time.Minute, time.Minute},
	} {
		options := []onetime.IssueOption{onetime.WithCode()}
		if c.ttl > 0 {
			options = append(options, onetime.WithTTL(c.ttl))
		}
		link, err := m.IssueLink(ctx, "a", options...)
		require.NoError(t, err)
		require.Equal(t, c.token, link.ExpiresIn)
		require.Equal(t, c.code, link.CodeExpiresIn)
		clock.Advance(c.code)
		_, err = m.VerifyOTP(ctx, "a", link.Code)
		rig.Refused(t, err, onetime.ErrNotFound)
		if c.token == c.code {
			_, err = m.VerifyToken(ctx, link.Token)
			rig.Refused(t, err, onetime.ErrNotFound)
			continue
		}
		clock.Advance(c.token - c.code - time.Millisecond)
		_, err = m.VerifyToken(ctx, link.Token)
		require.NoError(t, err)
	}
}

func TestAsDecoy_HasNothingToDeliver(t *testing.T) {
	base := onetime.WithLinkBase("https://example.com/in")
	real, _ := onetimetest.New(t, base)
	decoy, _ := onetimetest.New(t, base)
	ctx := t.Context()

	otp, err := real.IssueOTP(ctx, "otp")
	require.NoError(t, err)
	otpDecoy, err := decoy.IssueOTP(ctx, "otp", onetime.AsDecoy())
	require.NoError(t, err)
	require.Len(t, otpDecoy.ID, len(otp.ID))
	require.Equal(t, onetime.OTP{ID: otpDecoy.ID, ExpiresIn: otp.ExpiresIn, ResendIn: otp.ResendIn}, otpDecoy)

	token, err := real.IssueToken(ctx, "token")
	require.NoError(t, err)
	tokenDecoy, err := decoy.IssueToken(ctx, "token", onetime.AsDecoy())
	require.NoError(t, err)
	require.Len(t, tokenDecoy.ID, len(token.ID))
	require.Equal(t, onetime.Token{ID: tokenDecoy.ID, ExpiresIn: token.ExpiresIn, ResendIn: token.ResendIn}, tokenDecoy)

	for subject, options := range map[string][]onetime.IssueOption{"link": nil, "link and code": {onetime.WithCode()}} {
		link, err := real.IssueLink(ctx, subject, options...)
		require.NoError(t, err)
		linkDecoy, err := decoy.IssueLink(ctx, subject, append(options, onetime.AsDecoy())...)
		require.NoError(t, err)
		require.Len(t, linkDecoy.ID, len(link.ID))
		require.Equal(t, onetime.Link{ID: linkDecoy.ID, ExpiresIn: link.ExpiresIn, CodeExpiresIn: link.CodeExpiresIn, ResendIn: link.ResendIn}, linkDecoy)
	}
}
