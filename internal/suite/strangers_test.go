package suite_test

import (
	"bufio"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"

	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// account is the one address that has an account, and subject whose it is.
const account, subject = "anna.one@example.com", "user-17"

// newFlow returns the handlers of a Flow whose messages go nowhere.
func newFlow(t *testing.T, m *onetime.Manager, change func(*onetimehttp.Config)) http.Handler {
	t.Helper()
	yes := func(*http.Request) (time.Duration, error) { return 0, nil }
	config := onetimehttp.Config{
		Origin: "https://example.com", Name: "Example", Limiter: yes, VerifyLimiter: yes,
		Lookup: func(_ context.Context, typed string) (string, string, bool, error) {
			return subject, account, typed == account, nil
		},
		Sender: func(context.Context, onetimesend.Recipient, onetimehttp.Message) (onetimesend.Delivery, error) {
			return onetimesend.Delivery{}, nil
		},
		OnVerified: func(w http.ResponseWriter, _ *http.Request, _ onetime.Verification) error {
			w.WriteHeader(http.StatusNoContent)
			return nil
		},
	}
	if change != nil {
		change(&config)
	}
	asTyped := onetimehttp.WithNormalizer(func(typed string) (string, error) { return typed, nil }) // addresses of all lengths
	flow, err := onetimehttp.New(m, config, asTyped)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), rig.Patience)
		defer cancel()
		require.NoError(t, flow.Shutdown(ctx))
	})
	mux := http.NewServeMux()
	mux.Handle("/sign-in", flow.Start())
	mux.Handle("/sign-in/code", flow.Verify())
	mux.Handle("/sign-in/link", flow.Link())
	return mux
}

// A stranger is a browser of somebody who has no account.
type stranger struct {
	t       *testing.T
	handler http.Handler
	jar     http.CookieJar
}

func newStranger(t *testing.T, handler http.Handler) *stranger {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &stranger{t: t, handler: handler, jar: jar}
}

// send sends a form, or GETs the page where there are no fields, and demands a status.
func (s *stranger) send(status int, path string, fields ...string) {
	s.t.Helper()
	method, form := http.MethodGet, url.Values{}
	for i := 0; i < len(fields); i += 2 {
		method = http.MethodPost
		form.Set(fields[i], fields[i+1])
	}
	r := httptest.NewRequest(method, "https://example.com"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range s.jar.Cookies(r.URL) {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	s.jar.SetCookies(r.URL, w.Result().Cookies())
	require.Equal(s.t, status, w.Code, path)
}

func (s *stranger) start(address string) {
	s.t.Helper()
	s.send(http.StatusSeeOther, "/sign-in", "address", address)
}

func (s *stranger) try(address, code string) {
	s.t.Helper()
	s.send(http.StatusSeeOther, "/sign-in/code", "address", address, "code", code)
}

// A watcher sees what MONITOR shows.
type watcher struct {
	t     *testing.T
	b     *rig.Backend
	lines *bufio.Reader
}

func watch(t *testing.T, b *rig.Backend) *watcher {
	t.Helper()
	conn, err := net.Dial("tcp", b.Raw.Options().Addr)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(rig.Patience)))
	_, err = conn.Write([]byte("MONITOR\r\n"))
	require.NoError(t, err)
	w := &watcher{t, b, bufio.NewReader(conn)}
	line, err := w.lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "+OK\r\n", line)
	return w
}

var argument = regexp.MustCompile(`"(?:\\.|[^"\\])*"`)

// digests are all texts of 16 bytes that the arguments of scripts can be cut into, of all commands since the last call.
func (w *watcher) digests() map[string]bool {
	w.t.Helper()
	found := map[string]bool{}
	end := fmt.Sprintf("the end at %d", time.Now().UnixNano())
	require.NoError(w.t, w.b.Raw.Echo(w.t.Context(), end).Err())
	for {
		line, err := w.lines.ReadString('\n')
		require.NoError(w.t, err)
		var args []string
		for _, arg := range argument.FindAllString(line, -1) {
			text, err := strconv.Unquote(arg)
			require.NoError(w.t, err, line)
			args = append(args, text)
		}
		if len(args) == 2 && args[1] == end {
			return found
		}
		if len(args) < 4 || !strings.EqualFold(args[0], "evalsha") && !strings.EqualFold(args[0], "eval") {
			continue
		}
		for _, arg := range args[4:] {
			for ; len(arg) >= 16 && len(arg)%16 == 0; arg = arg[16:] {
				found[arg[:16]] = true
			}
		}
	}
}

// slotKnown reports whether a digest that was heard is that of a code in a slot.
func slotKnown(t *testing.T, b *rig.Backend, heard map[string]bool) bool {
	t.Helper()
	for _, key := range b.Records(t) {
		for field, slot := range b.Record(t, key) {
			if !rig.IsSlot(field) || len(slot) < 42 || slot[21] != 'c' {
				continue
			}
			for digest := range heard {
				sum := sha1.Sum([]byte(slot[:12] + digest))
				if hex.EncodeToString(sum[:8]) == slot[26:42] || digest == slot[26:42] {
					return true
				}
			}
		}
	}
	return false
}

// Somebody who sees every command of Redis and every slot, and knows the salting, types codes of a person in a browser of
// its own while nothing is pending, free of charge, under the request of an issue of before.
// Then it starts, and looks up what it has heard. All codes but 500 are left out: the right one is among them, as it would be
// among 20,000 in one of fifty tries.
func TestRule11_WhatIsTypedInAFormBeforeAStartTellsNothingOfItsCode(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithSendLimits(), rig.ManyGuesses, onetime.WithLinkBase("https://example.com/sign-in/link"),
			onetime.WithDangerouslyFixedCodes(map[string]string{subject: "000321"}, time.Now().Add(time.Hour)))
		s := newStranger(t, newFlow(t, m, nil))
		codes := make([]string, 500)
		for i := range codes {
			codes[i] = fmt.Sprintf("%06d", i)
		}
		s.send(http.StatusOK, "/sign-in")
		s.start(account)
		require.NoError(t, m.Revoke(t.Context(), subject), "it has ended")

		w := watch(t, b)
		for _, code := range codes {
			s.try(account, code)
		}
		heard := w.digests()
		require.GreaterOrEqual(t, len(heard), len(codes), "it did hear of the codes")
		s.start(account)
		require.False(t, slotKnown(t, b, heard))
		s.send(http.StatusNoContent, "/sign-in/code", "address", account, "code", "000321")

		// So it would have been without requests: the same search, of codes that are typed and issued under the same binding.
		binding := onetime.WithBinding(strings.Repeat("b", 22))
		require.NoError(t, m.Revoke(t.Context(), subject))
		w.digests()
		for _, code := range codes {
			_, err := m.VerifyOTP(t.Context(), subject, code, binding)
			rig.Refused(t, err, onetime.ErrNotFound)
		}
		heard = w.digests()
		_, err := m.IssueOTP(t.Context(), subject, binding)
		require.NoError(t, err)
		require.True(t, slotKnown(t, b, heard))
	})
}

// accountOf returns a Lookup that finds one account, of a subject, for any address; none if it is empty.
func accountOf(subject string) func(context.Context, string) (string, string, bool, error) {
	return func(_ context.Context, typed string) (string, string, bool, error) {
		return subject, typed, subject != "", nil
	}
}
