package onetime_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

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
		m, err := onetime.New(&answerToken{recorder: &recorder{}}, onetimetest.Key, onetime.WithLinkBase(base))
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
	link, err := offline(t).IssueLink(t.Context(), "alice@example.com", onetime.WithCode())
	bad(t, err, "onetime: IssueLink: wants WithLinkBase")
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
	refused(t, err, onetime.ErrMalformed)
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
		refused(t, err, onetime.ErrUsed)

		require.NoError(t, v.Undo(ctx))
		_, err = m.VerifyToken(ctx, link.Token)
		require.NoError(t, err)
		_, err = m.VerifyOTP(ctx, "a", link.Code)
		refused(t, err, onetime.ErrUsed)
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
		refused(t, err, onetime.ErrNotFound)
		if c.token == c.code {
			_, err = m.VerifyToken(ctx, link.Token)
			refused(t, err, onetime.ErrNotFound)
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
