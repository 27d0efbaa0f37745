package onetimehttp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// copied is another browser with the cookies that this one has now.
func (v *visitor) copied() *visitor {
	other := v.site.visitor()
	other.jar.SetCookies(home, v.jar.Cookies(home))
	for _, c := range v.jar.Cookies(home) {
		c.Path, c.Secure = "/", true
		other.jar.SetCookies(home, []*http.Cookie{c})
	}
	other.seen, other.header = v.seen, v.header.Clone()
	return other
}

// entries are the names of the cookies that hold an address.
func (v *visitor) entries() (names []string) {
	for name := range v.cookies() {
		if strings.HasPrefix(name, "__Host-onetime-flow-") && !strings.HasSuffix(name, "-0") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Rule 17, double click: both halves are sent with the same cookies, and the browser keeps the second answer only.
func TestRule17_DoubleClickSignsIn(t *testing.T) {
	for _, use := range []string{"code", "link", "link in another browser"} {
		s := newSite(t, func(with *setup) { with.config.OtherBrowser = onetimehttp.AskOtherBrowser })
		v := s.visitor()
		m := v.asks(alice)
		if use == "link in another browser" {
			v = s.visitor()
		}
		if use != "code" {
			v.get(path(t, m.URL))
		}
		first := v.copied()
		submit := func(v *visitor) *answer {
			if use == "code" {
				return v.submit("code", m.Code)
			}
			return v.submit()
		}
		require.Equal(t, "/home", submit(first).header.Get("Location"), use)
		require.Equal(t, "/home", submit(v).header.Get("Location"), use)
		require.Equal(t, 1, s.uses(), use)
		require.Equal(t, 2, s.sessions(), use)
		require.True(t, s.verified[1].Repeated, use)
		require.Equal(t, s.verified[0].Call(), s.verified[1].Call(), use)

		// The browser that heard both answers can send it once more, from the page that Back shows, until 60 s are over.
		s.clock.Advance(60 * time.Second)
		late := v.copied()
		if use == "code" {
			late.post(code, "address", alice, "code", m.Code)
		} else {
			late.post(link, "token", token(t, m.URL), "here", "yes")
		}
		require.Equal(t, 2, s.sessions(), "%s: after 60 s", use)
	}
}

// Where WithLinkCheck asks before the link is used, the second half finds it used, and is answered like the first all the same.
func TestRule17_DoubleClickWithALinkCheck(t *testing.T) {
	checks := 0
	s := newSite(t, option(onetimehttp.WithLinkCheck(func(*http.Request, onetime.Verification) error { checks++; return nil })))
	v, stranger := s.visitor(), s.visitor()
	m := v.asks(alice)
	v.get(path(t, m.URL))
	stranger.get(path(t, m.URL))
	first := v.copied()
	require.Equal(t, "/home", first.submit().header.Get("Location"))
	require.Equal(t, "/home", v.submit().header.Get("Location"))
	require.Equal(t, http.StatusGone, stranger.submit().status)
	require.Equal(t, 1, s.uses())
	require.Equal(t, 2, s.sessions())
	require.Equal(t, 1, checks, "there is nothing to check once it is used")
}

// A double click on the first form sends one message, which works, in whichever order the answers come.
func TestRule17_DoubleClickOnStartSendsOneMessage(t *testing.T) {
	for _, address := range []string{alice, mallory} {
		s := newSite(t)
		v := s.visitor()
		v.get(start)
		first := v.copied()
		require.Equal(t, http.StatusOK, first.submit("address", address).status)
		require.Equal(t, http.StatusOK, v.submit("address", address).status, "no word of a limit")
		require.Empty(t, v.seen.noted())
		if address == alice {
			m := s.message()
			require.Empty(t, s.mail)
			require.Equal(t, "/home", v.submit("code", m.Code).header.Get("Location"))
			require.Equal(t, "/home", first.submit("code", m.Code).header.Get("Location"))
			require.Equal(t, 1, s.uses())
		}
	}
}

// The answer to "send again" was lost: the same form once more brings the right request, and no second message.
func TestRule17_LostAnswerOfSendAgain(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.asks(alice)
	s.clock.Advance(time.Minute)
	lost := v.copied()
	require.Equal(t, http.StatusOK, lost.again().status)
	second := s.message()
	require.Equal(t, http.StatusOK, v.again().status)
	require.Empty(t, s.mail)
	require.Equal(t, "/home", v.submit("code", second.Code).header.Get("Location"))
}

// A page that was reloaded in between has another nonce: it is told that a message was sent, and the code of that works.
func TestRule17_LostAnswerThenReload(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.asks(alice)
	s.clock.Advance(time.Minute)
	lost := v.copied()
	lost.again()
	second := s.message()
	v.get(code)
	require.Equal(t, http.StatusTooManyRequests, v.again().status)
	require.Equal(t, "/home", v.submit("code", second.Code).header.Get("Location"))
}

// Every page can be loaded again, left and come back to: each POST of a person leads to one that GET shows.
func TestRule17_EveryPageCanBeReloaded(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.get(start)
	reload := func(name string) {
		t.Helper()
		require.NotNil(t, v.seen.via, name)
		require.Equal(t, http.StatusSeeOther, v.seen.via.status, name)
		before, body := v.seen.status, nonce.ReplaceAllString(v.seen.body, "NONCE")
		at := v.seen.via.header.Get("Location")
		s.unchanged(t, name, func() {
			for range 2 {
				v.get(at)
				require.Equal(t, before, v.seen.status, name)
				require.Equal(t, body, nonce.ReplaceAllString(v.seen.body, "NONCE"), name)
			}
		})
	}
	v.submit("address", "no address")
	reload("no address")
	require.Equal(t, "Check the address.", v.seen.said())
	v.submit("address", alice)
	m := s.message()
	reload("sent")
	require.NotNil(t, v.seen.page().id("code"))
	v.again()
	reload("already sent")
	require.Contains(t, v.seen.noted(), "A message was already sent.")
	v.submit("code", wrong(m.Code, 1))
	reload("wrong")
	require.Equal(t, "This code is wrong. 4 attempts are left.", v.seen.said())
	v.submit("code", "1")
	reload("half a code")
	v.get(start)
	require.Empty(t, v.seen.said(), "what was said is not said on another page")
	require.Contains(t, v.seen.body, `<a href="/sign-in/code?entry=1"><bdi>alice@example.com</bdi></a>`, "the way back from the mail")
	v.get(v.seen.page().all("a")[0].attr["href"])
	require.Equal(t, "/home", v.submit("code", m.Code).header.Get("Location"))
}

// Two tabs ask for two people: both sign in, whichever goes first, and each page is that of its own address.
func TestRule17_TwoTabsWithTwoPeopleLoseNothing(t *testing.T) {
	s := newSite(t)
	one := s.visitor()
	two := *one // the same cookies, another page
	one.get(start)
	two.get(start)
	require.Equal(t, http.StatusOK, one.submit("address", alice).status)
	forAlice := s.message()
	require.Equal(t, http.StatusOK, two.submit("address", phone).status)
	forPhone := s.message()
	require.Len(t, one.entries(), 2)
	for v, address := range map[*visitor]string{one: alice, &two: phone} {
		require.Equal(t, address, v.get(v.seen.via.header.Get("Location")).page().all("bdi")[0].text, "after a reload, too")
	}
	other := one.seen.page().all("ul")
	require.Len(t, other, 1, "it leads to the other address without asking again")
	require.Equal(t, "/home", one.submit("code", forAlice.Code).header.Get("Location"))
	require.Equal(t, "/home", two.submit("code", forPhone.Code).header.Get("Location"))
	require.Equal(t, 2, s.uses())
}

// A browser keeps five addresses; a sixth takes the place of the oldest, and fewer where WithAddresses says so.
func TestSession_KeepsFiveAddresses(t *testing.T) {
	for _, most := range []int{5, 1, 2} {
		s := newSite(t, option(onetimehttp.WithAddresses(most)))
		v := s.visitor()
		var messages []sent
		for n := range most + 1 {
			messages = append(messages, v.asks(known(n)))
			s.clock.Advance(time.Second)
		}
		require.Len(t, v.entries(), most)
		require.Equal(t, http.StatusForbidden, v.post(code, "address", known(0), "code", messages[0].Code).status)
		for n := 1; n <= most; n++ {
			require.Equal(t, "/home", v.post(code, "address", known(n), "code", messages[n].Code).header.Get("Location"))
		}
	}
	for _, wrong := range []int{0, 6, -1} {
		_, err := newFlow(t, option(onetimehttp.WithAddresses(wrong)))
		require.ErrorContains(t, err, fmt.Sprintf("onetimehttp: WithAddresses(%d): want 1 to 5", wrong))
	}
}

// No cookie line is longer than 700 bytes, with the longest address, purpose and refusal.
func TestSession_CookiesHaveAtMost700Bytes(t *testing.T) {
	longest := 0
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithSendLimits(), onetime.WithKeep(5))
	})
	purpose, err := s.manager.Purpose(strings.Repeat("p", 64))
	require.NoError(t, err)
	with := newSetup(s)
	with.config.Sender = func(context.Context, onetimesend.Recipient, onetimehttp.Message) (onetimesend.Delivery, error) {
		return onetimesend.Delivery{}, nil
	}
	flow, err := onetimehttp.New(purpose, with.config, onetimehttp.WithNormalizer(func(typed string) (string, error) { return typed, nil }),
		onetimehttp.WithLinkCheck(func(*http.Request, onetime.Verification) error {
			return onetimehttp.Refusal(strings.Repeat("é", 500))
		}), atOnce)
	require.NoError(t, err)
	defer flow.Shutdown(t.Context())
	s.handler = mounted(flow, with.config.Paths)
	v := s.visitor()
	v.stays = true
	look := func(a *answer) {
		total := 0
		for _, line := range a.header["Set-Cookie"] {
			longest, total = max(longest, len(line)), total+len(line)
		}
		require.Less(t, total, 4<<10, "what nginx allows for all headers of an answer")
	}
	long := "known" + strings.Repeat("a", 249)
	for range 7 {
		look(v.post(start, "address", long))
		look(v.post(code, "address", long, "code", "000000"))
	}
	look(v.post(start, "address", strings.Repeat("b", 300)))
	require.LessOrEqual(t, longest, 700)
	require.Greater(t, longest, 600, "the test sees the long ones")
}

// A cookie that is copied, dropped, replayed, altered or moved wins nothing: attempts and uses are in Redis.
func TestSession_CopiedOrReplayedCookiesWinNothing(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	fresh := v.copied()
	for n := range 5 {
		replay := fresh.copied() // as it was before anything was tried
		replay.post(code, "address", alice, "code", wrong(m.Code, n+1))
	}
	require.Equal(t, http.StatusGone, fresh.copied().post(code, "address", alice, "code", m.Code).status, "no attempts are left")
	require.Zero(t, s.sessions())

	s = newSite(t)
	v = s.visitor()
	m = v.asks(alice)
	fresh = v.copied()
	require.Equal(t, "/home", v.submit("code", m.Code).header.Get("Location"))
	s.clock.Advance(61 * time.Second)
	require.Equal(t, http.StatusGone, fresh.post(code, "address", alice, "code", m.Code).status)
	require.Equal(t, 1, s.sessions())

	s = newSite(t)
	v = s.visitor()
	m = v.asks(alice)
	value := v.cookies()[cookie]
	for name, altered := range map[string]string{
		"altered": value[:30] + "AAAA" + value[34:], "cut": value[1:], "longer": value + "AAAA", "of another slot": v.cookies()[ready], "empty": "", "long": strings.Repeat("A", 4000),
	} {
		other := s.visitor()
		other.jar.SetCookies(home, []*http.Cookie{{Name: cookie, Value: altered, Path: "/", Secure: true}})
		require.Equal(t, http.StatusForbidden, other.post(code, "address", alice, "code", m.Code).status, name)
	}
	require.Zero(t, s.sessions())
}

// The cookies of a browser: encrypted, out of reach of script, for the origin only, and of one purpose each.
func TestSession_CookieAttributes(t *testing.T) {
	for origin, want := range map[string]string{
		origin:                   `^__Host-onetime-flow-default-1=[A-Za-z0-9_-]+; Path=/; Max-Age=4200; HttpOnly; Secure; SameSite=Lax$`,
		"https://localhost:8443": `^__Host-onetime-flow-default-1=[A-Za-z0-9_-]+; Path=/; Max-Age=4200; HttpOnly; Secure; SameSite=Lax$`,
		"http://localhost":       `^onetime-flow-default-1=[A-Za-z0-9_-]+; Path=/; Max-Age=4200; HttpOnly; SameSite=Lax$`,
		"http://127.0.0.1:8080":  `^onetime-flow-default-1=[A-Za-z0-9_-]+; Path=/; Max-Age=4200; HttpOnly; SameSite=Lax$`,
	} {
		s := newSite(t, func(with *setup) { with.config.Origin = origin })
		for _, address := range []string{alice, mallory} {
			v := s.visitor()
			v.get(start)
			v.stays = true
			found := v.post(start, "address", address).header["Set-Cookie"]
			require.Len(t, found, 2)
			require.True(t, slices.ContainsFunc(found, func(line string) bool { return regexp.MustCompile(want).MatchString(line) }), "%s\n%q", want, found)
			require.NotContains(t, strings.Join(found, ""), "alice")
		}
	}
}

// What one Flow keeps in a browser is left alone by another on the same host, whose links live for ten minutes instead of a day.
func TestSession_AFlowDoesNotShortenTheCookiesOfAnother(t *testing.T) {
	s := newSite(t, func(with *setup) { with.manager = append(with.manager, onetime.WithTokenTTL(24*time.Hour)) })
	reset, err := s.manager.Purpose("reset", onetime.WithTokenTTL(10*time.Minute), onetime.WithLinkBase(origin+"/reset/link"))
	require.NoError(t, err)
	config := newSetup(s).config
	config.Paths = onetimehttp.Paths{Start: "/reset", Verify: "/reset/code", Link: "/reset/link"}
	config.Sender = func(context.Context, onetimesend.Recipient, onetimehttp.Message) (onetimesend.Delivery, error) {
		return onetimesend.Delivery{}, nil
	}
	flow, err := onetimehttp.New(reset, config, atOnce)
	require.NoError(t, err)
	t.Cleanup(func() { flow.Shutdown(context.Background()) })
	both := http.NewServeMux()
	both.Handle("/", s.handler)
	both.Handle("/reset", mounted(flow, config.Paths))
	both.Handle("/reset/", mounted(flow, config.Paths))
	s.handler = both

	v := s.visitor()
	m := v.asks(alice)
	before := v.cookies()
	v.get("/reset")
	require.Equal(t, http.StatusSeeOther, v.post("/reset", "address", alice).status)
	after := v.cookies()
	require.NotEmpty(t, before[cookie])
	for name, value := range before {
		require.Equal(t, value, after[name], name)
	}
	require.Greater(t, len(after), len(before), "the other has its own")
	s.clock.Advance(23 * time.Hour)
	v.get(path(t, m.URL))
	require.Equal(t, http.StatusSeeOther, v.submit().status, "the first message's link is as good as it was")
}

// No GET replaces what a browser keeps of an address, and a poll sets no cookie.
func TestSession_GetOverwritesNothing(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	require.Len(t, v.get(start).header["Set-Cookie"], 1, "a binding is laid ready")
	require.Empty(t, v.get(start).header["Set-Cookie"], "one lies there")
	m := v.asks(alice)
	before := v.cookies()
	for _, target := range []string{start, code, code + "?entry=1", path(t, m.URL), start + "?entry=1"} {
		require.Empty(t, v.get(target).header["Set-Cookie"], target)
		require.Empty(t, asProgram(v).get(target).header["Set-Cookie"], target)
	}
	require.Equal(t, before, v.cookies())
}

// The poll tells what the browser itself knows, alike for decoys, whatever became of the message elsewhere.
func TestPoll_TellsWhatTheBrowserKnows(t *testing.T) {
	s := newSite(t, func(with *setup) { with.config.OtherBrowser = onetimehttp.AskOtherBrowser })
	v, decoy := s.visitor(), s.visitor()
	m := v.asks(alice)
	decoy.post(start, "address", mallory)
	poll := func(v *visitor) onetimehttp.Waiting {
		var w onetimehttp.Waiting
		s.unchanged(t, "poll", func() { require.NoError(t, json.Unmarshal([]byte(asProgram(v).get(code).body), &w)) })
		return w
	}
	want := onetimehttp.Waiting{State: "waiting", Sent: onetimehttp.Sent{CodeExpiresIn: 300, ExpiresIn: 600, ResendIn: 30}}
	require.Equal(t, want, poll(v))
	require.Equal(t, want, poll(decoy))
	require.Equal(t, "/home", s.visitor().post(link, "token", token(t, m.URL), "here", "yes").header.Get("Location"))
	require.Equal(t, want, poll(v), "used elsewhere does not show")
	s.clock.Advance(10 * time.Minute)
	require.Equal(t, onetimehttp.Waiting{State: "expired"}, poll(v))
	require.Equal(t, onetimehttp.Waiting{State: "expired"}, poll(decoy))

	v = s.visitor()
	s.clock.Advance(time.Hour)
	m = v.asks(alice)
	v.submit("code", m.Code)
	require.Equal(t, "signed-in", poll(v).State)
	require.Equal(t, http.StatusForbidden, s.program().get(code).status)
}

// Of 100 browsers that post one link at the same time, one begins a session.
func TestParallel_100BrowsersOneSession(t *testing.T) {
	s := newSite(t, func(with *setup) { with.config.OtherBrowser = onetimehttp.AskOtherBrowser })
	m := s.visitor().asks(alice)
	browsers := make([]*visitor, 100)
	for i := range browsers {
		browsers[i] = s.visitor()
		browsers[i].get(path(t, m.URL))
	}
	var mu sync.Mutex
	home, rest := 0, 0
	var begin, done sync.WaitGroup
	begin.Add(1)
	for _, v := range browsers {
		r := v.request(http.MethodPost, link, form, url.Values{"token": {token(t, m.URL)}, "here": {"yes"}}.Encode())
		done.Go(func() {
			w := httptest.NewRecorder()
			begin.Wait()
			s.handler.ServeHTTP(w, r)
			mu.Lock()
			defer mu.Unlock()
			if w.Header().Get("Location") == "/home" {
				home++
			} else {
				rest++
			}
		})
	}
	begin.Done()
	done.Wait()
	require.Equal(t, 1, home)
	require.Equal(t, 99, rest)
	require.Equal(t, 1, s.sessions())
}

// Forget at sign-out ends repeats, so that Back signs nobody in; what waits stays, but for ForgetAll.
func TestForget_EndsWhatCouldBeRepeated(t *testing.T) {
	for _, use := range []string{"code", "link in another browser"} {
		s := newSite(t)
		v := s.visitor()
		m := v.asks(alice)
		post := func(v *visitor) *answer { return v.post(code, "address", alice, "code", m.Code) }
		if use != "code" {
			v = s.visitor()
			v.get(path(t, m.URL))
			post = func(v *visitor) *answer { return v.post(link, "token", token(t, m.URL), "here", "yes") }
		}
		require.Equal(t, "/home", post(v).header.Get("Location"), use)
		waiting := v.asks(phone)
		stolen := v.copied() // the cookies before
		forget := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, s.flow.Forget(w, r)) })
		v.send(forget, v.request(http.MethodPost, "/sign-out", form, ""))
		require.Equal(t, 1, s.sessions(), use)
		for _, v := range []*visitor{v, stolen} {
			post(v)
			require.Equal(t, 1, s.sessions(), use)
		}
		require.Len(t, v.entries(), 1, "what waits stays")
		require.Equal(t, "/home", v.copied().post(code, "address", phone, "code", waiting.Code).header.Get("Location"))

		all := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, s.flow.ForgetAll(w, r)) })
		v.send(all, v.request(http.MethodPost, "/sign-out", form, ""))
		require.Empty(t, v.entries(), use)
	}
}

// Whoever is throttled knows of issues of others, and must not end them.
func TestForgetAll_EndsNothingOfOthers(t *testing.T) {
	s := newSite(t)
	owner, stranger := s.visitor(), s.visitor()
	m := owner.asks(alice)
	require.Equal(t, http.StatusTooManyRequests, stranger.post(start, "address", alice).status)
	all := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { require.NoError(t, s.flow.ForgetAll(w, r)) })
	stranger.send(all, stranger.request(http.MethodPost, "/sign-out", form, ""))
	require.Equal(t, "/home", owner.submit("code", m.Code).header.Get("Location"))
}
