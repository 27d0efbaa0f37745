package onetimehttp_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

func TestStart_GoesToTheStoredAddressOnly(t *testing.T) {
	for _, typed := range []string{alice, " ALICE@example.com "} {
		s := newSite(t)
		m := s.visitor().asks(typed)
		require.Equal(t, stored, m.to)
		require.Equal(t, []string{alice}, s.lookups)
		require.True(t, s.pending("user-17"))
		require.Empty(t, s.mail)
	}
	s := newSite(t)
	s.visitor().post(start, "address", mallory)
	s.visitor().asks(phone) // comes after it in the queue
	require.Empty(t, s.mail, "nothing is sent to who is not known")
}

func TestStart_SaysWhatTheMessageCarries(t *testing.T) {
	for secrets, want := range map[onetimehttp.Secrets]struct {
		sent       onetimehttp.Sent
		code, link bool
		note       string
	}{
		onetimehttp.LinkAndCode: {onetimehttp.Sent{CodeExpiresIn: 300, ExpiresIn: 600, ResendIn: 30}, true, true, "We sent a 6-digit code to"},
		onetimehttp.CodeOnly:    {onetimehttp.Sent{CodeExpiresIn: 300, ResendIn: 30}, true, false, "We sent a 6-digit code to"},
		onetimehttp.LinkOnly:    {onetimehttp.Sent{ExpiresIn: 600, ResendIn: 30}, false, true, "We sent a link to"},
	} {
		s := newSite(t, func(with *setup) { with.config.Secrets = secrets })
		v := s.visitor()
		m := v.asks(alice)
		require.Equal(t, want.code, m.Code != "")
		require.Equal(t, want.link, m.URL != "")
		require.Equal(t, "default", m.Purpose)
		require.Equal(t, "Example", m.Brand.Name)
		require.Equal(t, "en", m.Language)
		require.Contains(t, v.seen.page().text, want.note)
		require.Equal(t, want.code, v.seen.page().id("code") != nil)
		require.Equal(t, want.code && want.link, strings.Contains(v.seen.body, "Or open the link"))
		require.Equal(t, http.StatusTooManyRequests, v.again().status)
		s.clock.Advance(30 * time.Second)
		require.Equal(t, http.StatusOK, v.again().status, "the button for another message is on that page, too")
		require.Equal(t, stored, s.message().to)

		a := newSite(t, func(with *setup) { with.config.Secrets = secrets }).program().json(start, "address", alice)
		require.Equal(t, http.StatusOK, a.status)
		require.Equal(t, "application/json", a.header.Get("Content-Type"))
		var sent onetimehttp.Sent
		require.NoError(t, json.Unmarshal([]byte(a.body), &sent))
		require.Equal(t, want.sent, sent)
	}
}

// A second start must not orphan the code that is on its way.
func TestCookie_SecondStartDoesNotOrphanTheCode(t *testing.T) {
	for name, again := range map[string]func(v *visitor) *answer{
		"the button of the page": func(v *visitor) *answer { return v.again() },
		"the form once more":     func(v *visitor) *answer { v.get(start); return v.submit("address", alice) },
		"another address":        func(v *visitor) *answer { return v.post(start, "address", mallory) },
		"JSON":                   func(v *visitor) *answer { return v.json(start, "address", alice) },
	} {
		s := newSite(t)
		v := s.visitor()
		m := v.asks(alice)
		a := again(v)
		if name != "another address" {
			require.Equal(t, http.StatusTooManyRequests, a.status, name)
		}
		require.Equal(t, http.StatusSeeOther, v.post(code, "address", alice, "code", m.Code).status, name)
	}
}

// again presses the button that asks for another message.
func (v *visitor) again() *answer {
	v.site.t.Helper()
	for _, f := range v.seen.page().all("form") {
		if f.attr["action"] == start {
			var fields []string
			for _, input := range f.all("input") {
				fields = append(fields, input.attr["name"], input.attr["value"])
			}
			require.Equal(v.site.t, []string{"address", "nonce"}, []string{fields[0], fields[2]})
			return v.post(start, fields...)
		}
	}
	require.FailNow(v.site.t, "no button for another message", v.seen.body)
	return nil
}

// A browser that sends the form twice hears the second answer only. The code comes with the first.
func TestCookie_DoubleClickDoesNotOrphanTheCode(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	v.get(start)
	lost := s.visitor()
	lost.jar = s.visitor().jar
	for _, c := range v.jar.Cookies(home) {
		lost.jar.SetCookies(home, []*http.Cookie{c})
	}
	require.Equal(t, http.StatusOK, lost.post(start, "address", alice).status)
	require.Equal(t, http.StatusOK, v.submit("address", alice).status)
	require.Equal(t, http.StatusSeeOther, v.submit("code", s.message().Code).status)
}

// The answers to a form that was sent twice may come in any order.
func TestCookie_RefusedStartSetsNone(t *testing.T) {
	s := newSite(t)
	require.Equal(t, http.StatusOK, s.visitor().post(start, "address", alice).status)
	for _, address := range []string{alice, "\x00"} {
		v := s.visitor()
		require.GreaterOrEqual(t, v.post(start, "address", address).status, 400)
	}
}

func asProgram(v *visitor) *visitor {
	program := v.site.program()
	program.jar = v.jar
	return program
}

func TestSendLimit_IsAnsweredAsAlreadySent(t *testing.T) {
	t.Parallel()
	for secrets, field := range map[onetimehttp.Secrets]string{onetimehttp.LinkAndCode: "code", onetimehttp.CodeOnly: "code", onetimehttp.LinkOnly: ""} {
		for _, address := range []string{alice, mallory} {
			s := newSite(t, func(with *setup) { with.config.Secrets = secrets })
			v := s.visitor()
			require.Equal(t, http.StatusOK, v.post(start, "address", address).status)
			s.clock.Advance(1500 * time.Millisecond)
			a := v.post(start, "address", address)
			require.Equal(t, http.StatusTooManyRequests, a.status)
			require.Equal(t, "29", a.header.Get("Retry-After"), "28.5 s, rounded up")
			require.Equal(t, "A message was already sent. The next one can be sent in 29 seconds.", a.noted())
			require.Empty(t, a.said(), "it is no failure")
			require.Equal(t, field != "", a.page().id("code") != nil)

			p := asProgram(v).json(start, "address", address)
			require.Equal(t, onetimehttp.Problem{
				Type: "about:blank", Title: "Too Many Requests", Status: 429, Reason: "sends_throttled", RetryAfter: 29,
				Detail: "A message was already sent. The next one can be sent in 29 seconds.",
			}, p.problem())
			require.Equal(t, "29", p.header.Get("Retry-After"))

			s.clock.Advance(28499 * time.Millisecond)
			require.Equal(t, "1", v.post(start, "address", address).header.Get("Retry-After"), "1 ms, rounded up")
			s.clock.Advance(time.Second)
			require.Equal(t, http.StatusOK, v.post(start, "address", address).status, "who waits as told is served")
		}
	}
}

// Without send limits the answer says so: the next message can be sent at once.
func TestSendLimit_None(t *testing.T) {
	s := newSite(t, func(with *setup) { with.manager = append(with.manager, onetime.WithSendLimits()) })
	for range 3 {
		a := s.program().json(start, "address", alice)
		require.Equal(t, `{"code_expires_in":300,"expires_in":600,"resend_in":0}`+"\n", a.body)
	}
}

// unread is a body that must not be read.
type unread struct{ t testing.TB }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}
func (u unread) Close() error { return nil }

func TestLimiter_RefusesBeforeAnythingIsReadOrIssued(t *testing.T) {
	var asked []*http.Request
	s := newSite(t, func(with *setup) {
		with.config.Limiter = limiter(func(r *http.Request) bool { asked = append(asked, r); return false })
	})
	require.Equal(t, http.StatusOK, s.visitor().get(start).status, "the form is free")
	require.Empty(t, asked)
	for _, v := range []*visitor{s.visitor(), s.program()} {
		s.unchanged(t, "limited", func() {
			r := v.request(http.MethodPost, start, form, "")
			r.Body, r.ContentLength = unread{t}, 100
			r.RemoteAddr = "192.0.2.7:1234"
			require.Equal(t, http.StatusTooManyRequests, v.send(s.handler, r).status)
		})
	}
	require.Len(t, asked, 2)
	require.Equal(t, "192.0.2.7:1234", asked[1].RemoteAddr)
}

// Verify has a Limiter of its own: it refuses before the body is read and before anything is asked of Redis, alike for
// people who have an account and who have none.
func TestVerifyLimiter_RefusesBeforeRedisIsTouched(t *testing.T) {
	pass := true
	s := newSite(t, func(with *setup) {
		with.config.Limiter = limiter(func(*http.Request) bool { return true })
		with.config.VerifyLimiter = limiter(func(*http.Request) bool { return pass })
	})
	for _, program := range []bool{false, true} {
		pass = true
		p := pair{t, s.visitor(), s.visitor()}
		if program {
			p = pair{t, s.program(), s.program()}
		}
		p.both("start", func(v *visitor, address string) *answer { return v.post(start, "address", address) })
		m := s.message()
		pass = false
		require.Equal(t, http.StatusOK, p.known.get(code).status, "GET is free")
		calls := s.calls()
		s.unchanged(t, "limited", func() {
			a := p.both("right or wrong", func(v *visitor, address string) *answer { return v.post(code, "address", address, "code", m.Code) })
			require.Equal(t, http.StatusTooManyRequests, a.status)
			require.Equal(t, "60", a.header.Get("Retry-After"))
			r := p.known.request(http.MethodPost, code, form, "")
			r.Body, r.ContentLength = unread{t}, 100
			require.Equal(t, http.StatusTooManyRequests, p.known.send(s.handler, r).status)
		})
		require.Equal(t, calls, s.calls(), "nothing was asked of Redis")
		require.Zero(t, s.sessions())
		s.clock.Advance(time.Minute)
	}
}

func TestLimiter_IsRequired(t *testing.T) {
	s := newSite(t)
	config := newSetup(s).config
	config.Sender = func(context.Context, onetimesend.Recipient, onetimehttp.Message) (onetimesend.Delivery, error) {
		return onetimesend.Delivery{}, nil
	}
	config.Limiter = nil
	_, err := onetimehttp.New(s.manager, config)
	require.ErrorContains(t, err, "Limiter")
	require.ErrorContains(t, err, "WithDangerouslyNoLimiter")
	config = newSetup(s).config
	config.Sender = func(context.Context, onetimesend.Recipient, onetimehttp.Message) (onetimesend.Delivery, error) {
		return onetimesend.Delivery{}, nil
	}
	config.VerifyLimiter = nil
	_, err = onetimehttp.New(s.manager, config)
	require.EqualError(t, err, "onetimehttp: New: want Config.VerifyLimiter, or WithDangerouslyNoLimiter")

	without := newSite(t, func(with *setup) {
		with.config.Limiter, with.config.VerifyLimiter = nil, nil
		with.options = append(with.options, onetimehttp.WithDangerouslyNoLimiter())
	})
	for i := range 20 {
		require.Equal(t, http.StatusOK, without.visitor().post(start, "address", known(i)).status)
	}
	require.Equal(t, http.StatusForbidden, without.visitor().post(code, "address", alice, "code", "000000").status, "no cookie, but no panic either")
}

func TestLookup_ErrorIsUndecidedAndObserved(t *testing.T) {
	failed := errors.New("the database of alice@example.com is away")
	s := newSite(t, func(with *setup) {
		with.config.Lookup = func(context.Context, string) (string, string, bool, error) { return "user-17", stored, true, failed }
	})
	for target, fields := range map[string][]string{start: {"address", alice}} {
		for _, v := range []*visitor{s.visitor(), s.program()} {
			a := v.post(target, fields...)
			require.Equal(t, http.StatusServiceUnavailable, a.status)
			require.NotContains(t, a.body, "database")
			e := next(t, s.delivered)
			require.Equal(t, onetime.Event{Op: "Lookup", Purpose: "default", Err: failed}, e)
		}
	}
	require.Empty(t, s.dump())
	require.Empty(t, s.mail)
}

// Lookup sees the request's context, so that a database call ends with the request.
func TestLookup_HasTheContextOfTheRequest(t *testing.T) {
	type key struct{}
	var seen any
	s := newSite(t, func(with *setup) {
		with.config.Lookup = func(ctx context.Context, _ string) (string, string, bool, error) {
			seen = ctx.Value(key{})
			return "", "", false, nil
		}
	})
	v := s.visitor()
	r := v.request(http.MethodPost, start, form, "address="+alice)
	v.send(s.handler, r.WithContext(context.WithValue(r.Context(), key{}, "of the request")))
	require.Equal(t, "of the request", seen)
}

// Nothing that is issued to nobody can verify, not even by a code that the program fixed.
func TestLookup_UnknownPeopleGetDecoys(t *testing.T) {
	sum := sha256.Sum256([]byte(mallory))
	record := "unknown:" + base64.RawURLEncoding.EncodeToString(sum[:21])
	for _, secrets := range []onetimehttp.Secrets{onetimehttp.LinkAndCode, onetimehttp.CodeOnly} {
		s := newSite(t, func(with *setup) {
			with.config.Secrets = secrets
			with.manager = append(with.manager, onetime.WithDangerouslyFixedCodes(map[string]string{record: "123456", "user-17": "123456"}, time.Now().Add(time.Hour)))
		})
		v := s.visitor()
		require.Equal(t, http.StatusOK, v.post(start, "address", mallory).status)
		require.True(t, s.pending(record), "this is the record")
		require.Equal(t, http.StatusForbidden, v.submit("code", "123456").status)
		require.Equal(t, "123456", v.asks(alice).Code)
		require.Equal(t, http.StatusSeeOther, v.submit("code", "123456").status)
	}
}

// An account without an address cannot be served: that is a mistake of Lookup, and no message goes to what was typed.
func TestLookup_FoundWithoutAnAddress(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.config.Lookup = func(context.Context, string) (string, string, bool, error) { return "user-17", "", true, nil }
	})
	require.Equal(t, http.StatusServiceUnavailable, s.visitor().post(start, "address", alice).status)
	e := next(t, s.delivered)
	require.Equal(t, "Lookup", e.Op)
	require.Error(t, e.Err)
	require.Empty(t, s.dump())
	require.Empty(t, s.mail)
}

// An account whose subject the Manager refuses is a mistake of the program: the person is not told to check the address,
// and nobody is told that there is an account.
func TestLookup_BadSubjectIsNotThePersonsMistake(t *testing.T) {
	for _, subject := range []string{"", "a\nb", strings.Repeat("a", 513), "\xff"} {
		s := newSite(t, func(with *setup) {
			with.config.Lookup = func(_ context.Context, typed string) (string, string, bool, error) { return subject, stored, true, nil }
		})
		for target, fields := range map[string][]string{start: {"address", alice}, code: {"address", alice, "code", "123456"}} {
			v := s.program()
			if good := subject; target == code { // it was asked for while the subject was a good one
				subject = "user-17"
				require.Equal(t, http.StatusOK, v.post(start, "address", alice).status)
				s.message()
				subject = good
			}
			require.Equal(t, http.StatusServiceUnavailable, v.post(target, fields...).status, "%q at %s", subject, target)
			require.ErrorIs(t, next(t, s.delivered).Err, onetime.ErrInvalid)
		}
	}
}

func TestRedisGone_IsUndecidedEverywhere(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"HTML", "JSON"} {
		s := newSite(t)
		v := s.visitor()
		m := v.asks(alice)
		require.NoError(t, s.redisEnds())
		if kind == "JSON" {
			v = asProgram(v)
		}
		for _, fields := range [][]string{
			{start, "address", phone}, {start, "address", mallory},
			{code, "address", alice, "code", m.Code},
			{link, "token", token(t, m.URL)}, {link, "token", token(t, m.URL), "here", "yes"},
		} {
			a := v.post(fields[0], fields[1:]...)
			require.Equal(t, http.StatusServiceUnavailable, a.status, "%q", fields)
			require.Contains(t, a.body, "We cannot tell right now.")
			require.NotContains(t, a.body, "redis")
		}
		require.Equal(t, http.StatusServiceUnavailable, v.get(path(t, m.URL)).status)
		require.Equal(t, http.StatusServiceUnavailable, v.do(http.MethodHead, path(t, m.URL), "", "").status)
		require.Zero(t, s.sessions())
		require.Empty(t, s.mail)
	}
}
