package onetimehttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A browser in which somebody has signed in is known to them from then on. Rule 14: a stranger at every limit keeps no known
// browser out.

const (
	knownCookie = "__Host-onetime-browser"
	other       = "known-other@example.com" // has an account, too
)

// signsIn signs in with the code of the message that the browser gets.
func (v *visitor) signsIn(address string) {
	v.site.t.Helper()
	m := v.asks(address)
	require.Regexp(v.site.t, `^\d{6}$`, m.Code, "the message has a code")
	require.Equal(v.site.t, "/home", v.submit("code", m.Code).header.Get("Location"))
}

// lock does to an address what a stranger can: it spends its sends and its wrong codes.
func (s *site) lock(address string) {
	s.t.Helper()
	for range 10 {
		s.clock.Advance(30 * time.Second)
		v := s.program()
		if v.json(start, "address", address).status == http.StatusTooManyRequests {
			break
		}
		right := s.message().Code
		for n := range 5 {
			if right != "" {
				v.json(code, "address", address, "code", wrong(right, n+1))
			}
		}
	}
}

// locks are those of strangers.
func (s *site) locks(subject string) onetime.Locks {
	s.t.Helper()
	status, err := s.manager.Status(context.Background(), subject)
	require.NoError(s.t, err)
	return status.Locks
}

// credential is what makes a browser known to a subject.
func (s *site) credential(subject string) string {
	s.t.Helper()
	token, err := s.manager.IssueToken(context.Background(), subject)
	require.NoError(s.t, err)
	v, err := s.manager.VerifyToken(context.Background(), token.Value)
	require.NoError(s.t, err)
	return v.BrowserCredential()
}

// shows lets a browser show what it was never given.
func (v *visitor) shows(values ...string) *visitor {
	var all []string
	for _, value := range values {
		all = append(all, knownCookie+"="+value)
	}
	v.header["Cookie"] = []string{strings.Join(all, "; ")}
	return v
}

// browserLine is the Set-Cookie of the browser cookie, empty if the answer has none.
func (a *answer) browserLine() (found string) {
	a.t.Helper()
	for _, line := range a.header["Set-Cookie"] {
		if strings.Contains(line, "onetime-browser") {
			require.Empty(a.t, found, "twice")
			found = line
		}
	}
	return found
}

func TestRule14_AStrangerAtEveryLimitKeepsNoKnownBrowserOut(t *testing.T) {
	for _, secrets := range []onetimehttp.Secrets{onetimehttp.LinkAndCode, onetimehttp.CodeOnly} {
		s := newSite(t, func(with *setup) { with.config.Secrets = secrets })
		v := s.visitor()
		v.signsIn(alice)
		s.lock(alice)
		require.Positive(t, s.locks("user-17").GuessIn)
		if secrets == onetimehttp.LinkAndCode { // else nothing is sent while codes are locked
			require.Positive(t, s.locks("user-17").SendIn)
		}
		require.Equal(t, http.StatusTooManyRequests, s.program().json(start, "address", alice).status, "a stranger")
		v.signsIn(alice)
		s.clock.Advance(30 * time.Second)
		v.signsIn(alice)
	}
}

// A new browser gets a link without a code while codes are locked for strangers, once a message can be sent.
func TestRule14_ANewBrowserGetsOnlyALink(t *testing.T) {
	s := newSite(t, func(with *setup) { with.manager = append(with.manager, onetime.WithSendLimits()) })
	known, fresh := s.visitor(), s.visitor()
	known.signsIn(alice)
	s.lock(alice)
	m := fresh.asks(alice)
	require.Empty(t, m.Code)
	require.NotEmpty(t, m.URL)
	known.signsIn(alice)
	fresh.get(path(t, m.URL))
	require.Equal(t, "/home", fresh.submit().header.Get("Location"))
}

func TestRule14_TwoAccountsInOneBrowser(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.signsIn(alice)
	v.signsIn(other)
	s.lock(alice)
	s.lock(other)
	for range 2 {
		v.signsIn(alice)
		v.signsIn(other)
		s.clock.Advance(30 * time.Second)
	}
	require.Len(t, strings.Split(v.cookies()[knownCookie], "."), 2, "one each")
}

// Five accounts: the one that signed in least recently is a stranger again.
func TestRule14_ABrowserIsKnownToFourPeople(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	people := []string{alice, "known-1@example.com", "known-2@example.com", "known-3@example.com", "known-4@example.com"}
	for i, address := range people {
		before := v.cookies()[knownCookie]
		v.signsIn(address)
		now := strings.Split(v.cookies()[knownCookie], ".")
		require.Len(t, now, min(i+1, 4))
		if i > 0 {
			require.Equal(t, strings.Split(before, ".")[:len(now)-1], now[1:], "the newest first")
		}
	}
	require.Len(t, v.cookies()[knownCookie], 115)
	s.lock(alice)
	require.Equal(t, http.StatusTooManyRequests, asProgram(v).json(start, "address", alice).status)
	s.lock(people[1])
	v.signsIn(people[1])
}

func TestKnownBrowser_CookieIsOneForAllPurposes(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	require.Empty(t, v.seen.browserLine())
	require.Empty(t, v.seen.via.browserLine(), "nothing was proved")
	first := v.submit("code", m.Code).browserLine()
	require.Regexp(t, `^__Host-onetime-browser=[A-Za-z0-9_-]{28}; Path=/; Max-Age=7776000; HttpOnly; Secure; SameSite=Lax$`, first)

	// Refreshed at each success, by a link in another browser, too.
	s.clock.Advance(time.Minute)
	m = v.asks(alice)
	v.get(path(t, m.URL))
	require.Equal(t, "/home", v.submit().header.Get("Location"))
	require.NotEqual(t, first, v.seen.browserLine())
	require.Regexp(t, `=[A-Za-z0-9_-]{28};`, v.seen.browserLine(), "its own is replaced")
	s.clock.Advance(time.Minute)
	m, phone := v.asks(alice), s.visitor()
	phone.get(path(t, m.URL))
	require.Regexp(t, `=[A-Za-z0-9_-]{28};`, phone.submit().browserLine())
	s.lock(alice)
	phone.signsIn(alice)

	// The Flow of another purpose knows the browser.
	reset, err := s.manager.Purpose("reset")
	require.NoError(t, err)
	config := newSetup(s).config
	config.Secrets, config.Sender = onetimehttp.CodeOnly, func(_ context.Context, _ onetimesend.Recipient, m onetimehttp.Message) (onetimesend.Delivery, error) {
		s.mail <- sent{Message: m}
		return onetimesend.Delivery{}, nil
	}
	observe := onetimehttp.WithObserver(func(_ context.Context, e onetime.Event) { s.delivered <- e })
	flow, err := onetimehttp.New(reset, config, observe, atOnce)
	require.NoError(t, err)
	t.Cleanup(func() { flow.Shutdown(context.Background()) })
	s.handler = mounted(flow, config.Paths)
	s.lock(alice)
	v.signsIn(alice)
}

func TestKnownBrowser_CookieOfLoopbackAndLifetime(t *testing.T) {
	const local = "http://localhost:8080"
	s := newSite(t, origins(local), func(with *setup) {
		with.config.Secrets = onetimehttp.CodeOnly
		with.manager = append(with.manager, onetime.WithKnownBrowsers(10*24*time.Hour, nil, nil))
	})
	v := s.visitor()
	v.header.Set("Origin", local)
	v.asks(alice)
	m := v.asksAgain(alice)
	require.Regexp(t, `^onetime-browser=[A-Za-z0-9_-]{28}; Path=/; Max-Age=864000; HttpOnly; SameSite=Lax$`, v.submit("code", m.Code).browserLine())
}

// asksAgain asks once the send limit allows it.
func (v *visitor) asksAgain(address string) sent {
	v.site.t.Helper()
	v.site.clock.Advance(30 * time.Second)
	return v.asks(address)
}

// foreign are cookies that a browser can show and that are no credential of the person who is asked for.
func (s *site) foreign() map[string][]string {
	another := s.credential("user-18")
	four := another
	for i := range 3 {
		four += "." + s.credential(fmt.Sprint("user-4", i))
	}
	return map[string][]string{
		"another person's": {another},
		"four people's":    {four},
		"five people's":    {four + "." + another},
		"altered":          {"A" + another[1:]},
		"cut":              {another[:27]},
		"100 kB":           {strings.Repeat(another+".", 3500)},
		"full stops":       {strings.Repeat(".", 100_000)},
		"control":          {another + "\x01\x7f\r\nSet-Cookie: a=b", "\x00"},
		"quoted":           {`"` + another + `"`, "<script>", "Jürgen"},
		"twice":            {another, another, "x"},
		"empty":            {"", ""},
	}
}

// An account and a decoy are answered alike, whatever cookie of others the browser has.
func TestRule14_AnothersCookieTellsNoAccountFromADecoy(t *testing.T) {
	t.Parallel()
	for name, program := range map[string]bool{"four people's": false, "another person's": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := delivered
			c.dress = func(s *site, p pair) {
				cookies := s.foreign()[name]
				p.known.shows(cookies...)
				p.unknown.shows(cookies...)
			}
			session(t, onetimehttp.LinkAndCode, program, c)
		})
	}
}

// A decoy's session with another person's cookie is byte for byte like one without.
func TestRule14_ADecoysSessionWithAnothersCookieIsLikeOneWithout(t *testing.T) {
	t.Parallel()
	nobody := func(with *setup) {
		with.config.Lookup = func(context.Context, string) (string, string, bool, error) { return "", "", false, nil }
		with.config.KnownSince = func(context.Context, string) (time.Time, error) { return time.Time{}, errors.New("asked for a decoy") }
	}
	for name, program := range map[string]bool{"another person's": false, "four people's": true, "100 kB": true, "twice": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			session(t, onetimehttp.LinkAndCode, program, condition{silent: true, dress: func(s *site, p pair) {
				p.known.shows(s.foreign()[name]...) // here it is a decoy's, too
			}}, nobody)
		})
	}
}

// What is no credential of the person is worth none, costs nothing, and comes back in no answer.
func TestRule14_ATamperedCookieHarmsNothing(t *testing.T) {
	s := newSite(t)
	for name, cookies := range s.foreign() {
		s.clock.Advance(2 * time.Hour)
		s.visitor().signsIn(alice)
		s.lock(alice)
		v := s.program().shows(cookies...)
		require.Equal(t, http.StatusTooManyRequests, v.json(start, "address", alice).status, name)

		s.clock.Advance(48 * time.Hour)
		b := s.visitor().shows(cookies...)
		m := b.asks(alice)
		line := b.submit("code", m.Code).browserLine()
		require.Regexp(t, `^__Host-onetime-browser=[A-Za-z0-9_-]{28}(\.[A-Za-z0-9_-]{28}){0,3}; Path`, line, name)
	}
}

func TestRule14_KnownSinceEndsCredentials(t *testing.T) {
	since, failed, asked := time.Time{}, error(nil), 0
	s := newSite(t, func(with *setup) {
		with.config.KnownSince = func(_ context.Context, subject string) (time.Time, error) {
			require.Equal(t, "user-17", subject)
			asked++
			return since, failed
		}
	})
	v := s.visitor()
	v.signsIn(alice)
	require.Zero(t, asked, "a browser that is not known costs no query")
	s.lock(alice)
	require.Zero(t, asked)
	stranger := s.program()
	stranger.shows(s.credential("user-18"))
	stranger.json(start, "address", alice)
	stranger.json(start, "address", mallory)
	require.Zero(t, asked)
	v.signsIn(alice)
	require.Equal(t, 3, asked, "an issue, its page and a code")

	s.clock.Advance(time.Minute)
	failed = errors.New("no answer about alice@example.com")
	a := asProgram(v).json(start, "address", alice)
	require.Equal(t, http.StatusServiceUnavailable, a.status, "undecided is never yes")
	require.NotContains(t, a.body, "alice")
	e := next(t, s.delivered)
	require.Equal(t, "KnownSince", e.Op)
	require.ErrorIs(t, e.Err, failed)
	require.NotEmpty(t, e.Who)

	failed, since = nil, s.clock.Now().Add(5*time.Minute)
	s.lock(alice)
	require.Equal(t, http.StatusTooManyRequests, asProgram(v).json(start, "address", alice).status, "a stranger again")
	s.clock.Advance(48 * time.Hour)
	v.signsIn(alice)
	s.lock(alice)
	v.signsIn(alice)

	// Nor does the page that waits tell more to a browser whose credential has ended.
	s.clock.Advance(time.Hour)
	v.asks(alice)
	require.NoError(t, s.manager.Revoke(context.Background(), "user-17"))
	require.Equal(t, "ended", v.polled().State)
	since = s.clock.Now().Add(5 * time.Minute)
	require.Equal(t, "waiting", v.polled().State)
}

// A wrong code of a known browser is undecided, too, where nobody can tell whether it is known.
func TestRule14_KnownSinceUndecidedJudgesNoCode(t *testing.T) {
	var failed error
	s := newSite(t, func(with *setup) {
		with.config.KnownSince = func(context.Context, string) (time.Time, error) { return time.Time{}, failed }
	})
	v := s.visitor()
	v.signsIn(alice)
	s.clock.Advance(time.Minute)
	m := v.asks(alice)
	failed = errors.New("no answer")
	before := s.dump()
	require.Equal(t, http.StatusServiceUnavailable, v.submit("code", m.Code).status)
	require.Equal(t, before, s.dump())
	require.Equal(t, "waiting", v.polled().State)
	failed = nil
	require.Equal(t, "/home", v.submit("code", m.Code).header.Get("Location"))
}

func TestForget_KeepsTheBrowserKnownAndForgetAllDoesNot(t *testing.T) {
	s := newSite(t)
	for _, kept := range []bool{true, false} {
		v := s.visitor()
		v.signsIn(other)
		s.clock.Advance(48 * time.Hour)
		v.signsIn(alice)
		end := s.flow.ForgetAll
		if kept {
			end = s.flow.Forget
		}
		a := v.send(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, end(w, r)) }), v.request(http.MethodPost, "/sign-out", form, ""))
		require.Equal(t, kept, a.browserLine() == "")
		require.Equal(t, kept, v.cookies()[knownCookie] != "")
		s.lock(alice)
		want := map[bool]int{true: http.StatusOK, false: http.StatusTooManyRequests}[kept]
		require.Equal(t, want, asProgram(v).json(start, "address", alice).status)
		if kept {
			s.message()
		}
		s.clock.Advance(48 * time.Hour)
	}
}

// A program without cookies carries it behind its session.
func TestRule14_AProgramWithoutCookiesIsKnown(t *testing.T) {
	s := newSite(t)
	v := s.program()
	v.header.Set(onetimehttp.FlowHeader, "new")
	signIn := func() {
		t.Helper()
		require.Equal(t, http.StatusOK, v.json(start, "address", alice).status)
		v.carry(v.seen)
		require.Equal(t, http.StatusSeeOther, v.json(code, "address", alice, "code", s.message().Code).status)
		v.carry(v.seen)
		require.Empty(t, v.seen.browserLine())
	}
	signIn()
	require.Regexp(t, `^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{28}$`, v.header.Get(onetimehttp.FlowHeader))
	s.lock(alice)
	require.Equal(t, http.StatusTooManyRequests, s.program().json(start, "address", alice).status)
	signIn()
	s.clock.Advance(time.Hour) // the session has ended, and the program is known
	s.lock(alice)
	signIn()

	// Sign-out; then a shared device.
	forget := func(end func(http.ResponseWriter, *http.Request) error) {
		v.send(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, end(w, r)) }), v.request(http.MethodPost, "/sign-out", form, ""))
		v.carry(v.seen)
	}
	forget(s.flow.Forget)
	require.Regexp(t, `^new\.[A-Za-z0-9_-]{28}$`, v.header.Get(onetimehttp.FlowHeader))
	s.lock(alice)
	signIn()
	s.clock.Advance(2 * time.Hour) // no session is left
	forget(s.flow.ForgetAll)
	s.lock(alice)
	require.Equal(t, "new", v.header.Get(onetimehttp.FlowHeader))

	for name, shown := range s.foreign() {
		b := s.program()
		b.header[onetimehttp.FlowHeader] = []string{"new." + shown[0]}
		require.Equal(t, http.StatusTooManyRequests, b.json(start, "address", alice).status, name)
		require.LessOrEqual(t, len(b.seen.header.Get(onetimehttp.FlowHeader)), 1000, name)
		require.NotContains(t, b.seen.header.Get(onetimehttp.FlowHeader), "\n", name)
	}
}

// A page of another origin of ours may bring both the header and the cookie of the browser: the header alone counts.
func TestNative_CookieOfTheBrowserIsNotLookedAt(t *testing.T) {
	s := newSite(t)
	v := s.program()
	v.shows(s.credential("user-17"))
	s.lock(alice)
	v.header.Set(onetimehttp.FlowHeader, "new")
	require.Equal(t, http.StatusTooManyRequests, v.json(start, "address", alice).status)
	v.header.Del(onetimehttp.FlowHeader)
	require.Equal(t, http.StatusOK, v.json(start, "address", alice).status)
}

func (v *visitor) polled() (w onetimehttp.Waiting) {
	v.site.t.Helper()
	a := asProgram(v).get(code)
	require.Equal(v.site.t, http.StatusOK, a.status)
	require.Empty(v.site.t, a.header["Set-Cookie"], "a poll sets no cookie")
	require.NoError(v.site.t, json.Unmarshal([]byte(a.body), &w))
	return w
}

// What became of a message elsewhere shows to a browser that is known to the person, and to no other.
func TestRule14_OnlyAKnownBrowserLearnsWhatHappenedElsewhere(t *testing.T) {
	const used, gone = "This code or link was used in another browser. Send a new one to sign in here.", "This code or link no longer works. Send a new one."
	for _, happens := range []struct {
		name, state, said string
		let               func(s *site, v *visitor, m sent)
	}{
		{"nothing", "waiting", "", func(*site, *visitor, sent) {}},
		{"used by link elsewhere", "used", used, func(s *site, v *visitor, m sent) {
			phone := s.visitor()
			phone.get(path(s.t, m.URL))
			require.Equal(s.t, "/home", phone.submit().header.Get("Location"))
		}},
		{"revoked", "ended", gone, func(s *site, v *visitor, m sent) {
			require.NoError(s.t, s.manager.Revoke(context.Background(), "user-17"))
		}},
	} {
		t.Run(happens.name, func(t *testing.T) {
			s := newSite(t)
			fresh, browser := s.visitor(), s.visitor()
			browser.signsIn(alice)
			s.clock.Advance(48 * time.Hour)
			for _, v := range []*visitor{fresh, browser} {
				known := v == browser
				m := v.asks(alice)
				happens.let(s, v, m)
				copied := v.copied()
				copied.jar.SetCookies(home, []*http.Cookie{{Name: knownCookie, MaxAge: -1, Path: "/", Secure: true}})
				require.Equal(t, "waiting", copied.polled().State, "whoever has the entry alone")

				sessions, before, calls, lookups := s.sessions(), s.dump(), s.calls(), len(s.lookups)
				w := v.polled()
				page := v.get(code)
				require.Equal(t, http.StatusOK, page.status)
				require.Equal(t, sessions, s.sessions(), "it signs nobody in")
				require.Equal(t, before, s.dump())
				if !known {
					require.Equal(t, []int{calls, lookups}, []int{s.calls(), len(s.lookups)}, "it costs nothing")
					require.Equal(t, "waiting", w.State)
					require.Empty(t, page.noted())
					require.Contains(t, page.page().one(t, "main").attr, "data-poll")
					s.clock.Advance(time.Minute)
					continue
				}
				require.Equal(t, happens.state, w.State)
				require.Equal(t, happens.said, page.noted())
				_, polls := page.page().one(t, "main").attr["data-poll"]
				require.Equal(t, happens.state == "waiting", polls)
				if happens.state == "used" {
					require.Equal(t, "used", asProgram(v).json(code, "address", alice, "code", m.Code).problem().Reason)
					require.Equal(t, "not_found", asProgram(copied).json(code, "address", alice, "code", m.Code).problem().Reason)
				}
				require.NoError(t, s.redisEnds())
				require.Equal(t, "waiting", v.polled().State, "no answer of Redis tells nothing, and the page can be loaded")
			}
		})
	}
}

// Where OnVerified fails the secret works again, and the browser, which did show it, is known.
func TestKnownBrowser_IsSoWhereOnVerifiedFails(t *testing.T) {
	failed := errors.New("no session could be stored")
	s := newSite(t, func(with *setup) {
		verified := with.config.OnVerified
		with.config.OnVerified = func(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
			if failed != nil {
				return failed
			}
			return verified(w, r, v)
		}
	})
	v := s.visitor()
	m := v.asks(alice)
	require.Equal(t, http.StatusServiceUnavailable, v.submit("code", m.Code).status)
	require.Equal(t, "OnVerified", next(t, s.delivered).Op)
	require.NotEmpty(t, v.cookies()[knownCookie])
	failed = nil
	require.Equal(t, "/home", v.submit("code", m.Code).header.Get("Location"))
	s.lock(alice)
	v.signsIn(alice)
}
