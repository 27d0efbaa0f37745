package stateless_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/stateless"
)

func token(t testing.TB, m *stateless.Manager, subject string, ttl time.Duration) string {
	t.Helper()
	link, err := m.Link(base, "newsletter", subject, ttl)
	require.NoError(t, err)
	u, err := url.Parse(link)
	require.NoError(t, err)
	return u.Query().Get("token")
}

func TestLink_ProvesTheSubjectUntilItExpires(t *testing.T) {
	m, clock := manager(t)
	link, err := m.Link(base+"?list=1#top", "newsletter", " Alice@Example.com", time.Hour)
	require.NoError(t, err)
	require.Regexp(t, `^https://example\.com/confirm\?list=1&token=[A-Za-z0-9_-]+#top$`, link)
	require.NotContains(t, strings.ToLower(link), "alice")
	u, err := url.Parse(link)
	require.NoError(t, err)
	shown := u.Query().Get("token")
	proof, err := m.OpenLink("newsletter", shown)
	require.NoError(t, err)
	require.Equal(t, alice, proof.Subject)
	require.Equal(t, "newsletter", proof.Purpose)
	require.True(t, proof.Until.Equal(clock.Now().Add(time.Hour)))
	require.Regexp(t, `^[A-Za-z0-9_-]{22}$`, proof.ID)
	again, err := m.OpenLink("newsletter", shown)
	require.NoError(t, err, "as often as anyone likes")
	require.Equal(t, proof, again)
	other, err := m.OpenLink("newsletter", token(t, m, alice, time.Hour))
	require.NoError(t, err)
	require.NotEqual(t, proof.ID, other.ID, "another link is another use")

	clock.advance(time.Hour - time.Millisecond)
	_, err = m.OpenLink("newsletter", shown)
	require.NoError(t, err)
	clock.advance(time.Millisecond)
	_, err = m.OpenLink("newsletter", shown)
	require.ErrorIs(t, err, stateless.ErrNotFound)
}

func TestLink_AlteredInAnyByteIsRefused(t *testing.T) {
	m, _ := manager(t)
	right := token(t, m, alice, time.Hour)
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.\n "
	refused := func(shown string) {
		t.Helper()
		proof, err := m.OpenLink("newsletter", shown)
		require.Error(t, err, shown)
		require.Zero(t, proof)
	}
	for n := range right {
		for _, letter := range letters {
			if altered := right[:n] + string(letter) + right[n+1:]; altered != right {
				refused(altered)
			}
		}
		refused(right[:n])
		refused(right[n+1:])
		refused(right[:n] + "\n" + right[n:])
	}
	refused(right + "A")
	refused(right + "=")
	refused(right + right)
	refused(strings.Repeat("A", 1<<20))
	_, err := m.OpenLink("newsletter", right)
	require.NoError(t, err)
}

func TestLink_OfAnotherPurposeOrKeyIsRefused(t *testing.T) {
	m, _ := manager(t)
	right := token(t, m, alice, time.Hour)
	for _, purpose := range []string{"newsletters", "newslette", "reset"} {
		_, err := m.OpenLink(purpose, right)
		require.ErrorIs(t, err, stateless.ErrMismatch, purpose)
	}
	_, err := m.OpenLink("News", right)
	require.ErrorIs(t, err, stateless.ErrInvalid)
	stranger, err := stateless.New(key("s"))
	require.NoError(t, err)
	_, err = stranger.OpenLink("newsletter", right)
	require.ErrorIs(t, err, stateless.ErrMismatch)
}

func TestLink_ItsLengthTellsTheSubjectsTo32Bytes(t *testing.T) {
	m, _ := manager(t, stateless.WithNormalizer(nil))
	lengths := map[int]bool{}
	for n := 1; n <= 512; n++ {
		shown := token(t, m, strings.Repeat("a", n), time.Hour)
		lengths[len(shown)] = true
		proof, err := m.OpenLink("newsletter", shown)
		require.NoError(t, err)
		require.Len(t, proof.Subject, n)
	}
	require.Len(t, lengths, 17)
}

func TestLink_BadInput(t *testing.T) {
	m, _ := manager(t)
	for want, c := range map[string]struct {
		base, purpose, subject string
		ttl                    time.Duration
	}{
		"Link: scheme \"http\": want https":                {"http://example.com", "newsletter", alice, time.Hour},
		"Link: want an absolute https URL":                 {"/confirm", "newsletter", alice, time.Hour},
		"Link: want an escaped query without":              {base + "?token=1", "newsletter", alice, time.Hour},
		"Link: a life of 9s: want 10s to 720h0m0s":         {base, "newsletter", alice, 9 * time.Second},
		"Link: a life of 720h0m0.001s: want 10s to 720h0m": {base, "newsletter", alice, 720*time.Hour + time.Millisecond},
		"purpose: want 1 to 64 characters":                 {base, "", alice, time.Hour},
		"subject: 0 bytes: want 1 to 512":                  {base, "newsletter", "", time.Hour},
	} {
		link, err := m.Link(c.base, c.purpose, c.subject, c.ttl)
		require.ErrorIs(t, err, stateless.ErrInvalid, want)
		require.ErrorContains(t, err, "stateless: "+want)
		require.Empty(t, link)
	}
	for _, ttl := range []time.Duration{10 * time.Second, 30 * 24 * time.Hour} {
		_, err := m.Link("http://localhost:8080", "newsletter", alice, ttl)
		require.NoError(t, err)
	}
}
