package onetimehttp_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

var errStore = errors.New("the store is full")

// failing lets OnVerified fail as long as a test says so.
func failing(fail *bool) func(*setup) {
	return func(with *setup) {
		done := with.config.OnVerified
		with.config.OnVerified = func(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
			if *fail {
				return errStore
			}
			return done(w, r, v)
		}
	}
}

// If what the proof was for fails, the secret works again, in the same browser, without asking for more.
func TestOnVerified_ErrorGivesTheSecretBack(t *testing.T) {
	t.Parallel()
	for _, other := range []onetimehttp.OtherBrowser{onetimehttp.AskOtherBrowser, onetimehttp.RefuseOtherBrowser} {
		for _, use := range []string{"code", "link"} {
			fail := true
			s := newSite(t, failing(&fail), func(with *setup) { with.config.OtherBrowser = other })
			v := s.visitor()
			m := v.asks(alice)
			if use == "link" {
				v.get(path(t, m.URL))
			}
			post := func() *answer {
				if use == "code" {
					return v.submit("code", m.Code)
				}
				require.NotContains(t, v.seen.body, "another browser")
				return v.submit()
			}
			for range 2 { // as often as it fails
				a := post()
				require.Equal(t, http.StatusServiceUnavailable, a.status)
				require.Equal(t, "That could not be done just now. Try again.", a.said())
				guarded(t, a, use)
				harmless(t, a)
				require.NotContains(t, a.body, errStore.Error())
				require.True(t, s.pending("user-17"))
				e := next(t, s.delivered)
				require.Equal(t, "OnVerified", e.Op)
				require.Equal(t, "default", e.Purpose)
				require.NotEmpty(t, e.ID)
				require.ErrorIs(t, e.Err, errStore)
			}
			fail = false
			require.Equal(t, http.StatusSeeOther, post().status, "on the page that said so")
			s.clock.Advance(61 * time.Second)
			require.GreaterOrEqual(t, v.post(code, "address", alice, "code", m.Code).status, 400, "used")
			require.Equal(t, 3, s.sessions())
		}
	}
}

func TestOnVerified_ErrorInAnotherBrowserAsksAgain(t *testing.T) {
	fail := true
	s := newSite(t, failing(&fail))
	m := s.visitor().asks(alice)
	other := s.visitor()
	other.get(path(t, m.URL))
	a := other.submit()
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Contains(t, a.body, `name="here" value="yes"`)
	fail = false
	require.Equal(t, http.StatusSeeOther, other.submit().status)
}

func TestOnVerified_ErrorIsAProblemForPrograms(t *testing.T) {
	fail := true
	s := newSite(t, failing(&fail))
	v := asProgram(s.visitor())
	v.json(start, "address", alice)
	m := s.message()
	for _, fields := range [][]any{{"token", token(t, m.URL)}, {"address", alice, "code", m.Code}} {
		target := link
		if len(fields) > 2 {
			target = code
		}
		p := v.json(target, fields...).problem()
		require.Equal(t, http.StatusServiceUnavailable, p.Status)
		require.Equal(t, "not-done", p.Reason)
	}
	fail = false
	require.Equal(t, http.StatusSeeOther, v.json(link, "token", token(t, m.URL)).status)
}

// Where nobody can tell whether the secret works again, the person is told to ask for a new one.
func TestOnVerified_ErrorAndUndecidedUndoAsksForANewOne(t *testing.T) {
	for _, use := range []string{"code", "link"} {
		var s *site
		s = newSite(t, func(with *setup) {
			with.config.OnVerified = func(http.ResponseWriter, *http.Request, onetime.Verification) error {
				require.NoError(t, s.redisEnds())
				return errStore
			}
		})
		v := s.visitor()
		m := v.asks(alice)
		fields := map[string][]string{code: {"address", alice, "code", m.Code}, link: {"token", token(t, m.URL)}}
		target := map[string]string{"code": code, "link": link}[use]
		a := v.post(target, fields[target]...)
		require.Equal(t, http.StatusServiceUnavailable, a.status)
		require.Equal(t, "That could not be done just now. Send a new code or link.", a.said())
	}
}

// The secret is given back also where the request is over, which may be why it failed.
func TestOnVerified_ErrorAfterTheEndOfTheRequest(t *testing.T) {
	var gone context.CancelFunc
	s := newSite(t, func(with *setup) {
		with.config.OnVerified = func(_ http.ResponseWriter, r *http.Request, _ onetime.Verification) error {
			gone()
			return r.Context().Err()
		}
	})
	v := s.visitor()
	m := v.asks(alice)
	r := v.request(http.MethodPost, link, form, "token="+token(t, m.URL))
	ctx, cancel := context.WithCancel(r.Context())
	gone = cancel
	v.send(s.handler, r.WithContext(ctx))
	require.True(t, s.pending("user-17"))
}

// checking lets links be used with this word only.
func checking(word string, asked *int) func(*setup) {
	return option(onetimehttp.WithLinkCheck(func(r *http.Request, v onetime.Verification) error {
		*asked++
		if v.Subject != "user-17" || string(v.Payload) != stored {
			return errors.New("of whom is this?")
		}
		if r.PostFormValue("word") != word {
			return onetimehttp.Refusal("Not <this> word.")
		}
		return nil
	}))
}

func TestLinkCheck_RefusalUsesNothingUpAndIsShown(t *testing.T) {
	asked := 0
	s := newSite(t, checking("swordfish", &asked))
	asker := s.visitor()
	m := asker.asks(alice)
	for _, v := range []*visitor{asker, s.visitor()} {
		v.get(path(t, m.URL))
		require.Zero(t, asked, "by GET")
		asks := v != asker
		for range 3 {
			s.unchanged(t, "refusal", func() {
				a := v.submit()
				require.Equal(t, http.StatusUnprocessableEntity, a.status)
				require.Equal(t, "Not <this> word.", a.page().id("error").text)
				require.Equal(t, asks, a.page().all("form")[0].all("input")[len(a.page().all("form")[0].all("input"))-1].attr["name"] == "here")
				guarded(t, a, "refusal")
				harmless(t, a)
			})
		}
		require.Equal(t, 3, asked)
		asked = 0
	}
	require.Equal(t, http.StatusSeeOther, asker.post(link, "token", token(t, m.URL), "word", "swordfish").status)
	require.Equal(t, 1, s.sessions())
}

// A link that does not work is said to be so, and not that the word is wrong; in another browser the question comes first.
func TestLinkCheck_IsAskedOnlyAboutALinkThatWorks(t *testing.T) {
	asked := 0
	s := newSite(t, checking("swordfish", &asked))
	v := s.visitor()
	m := v.asks(alice)
	unasked := s.visitor().post(link, "token", token(t, m.URL), "word", "swordfish")
	require.Equal(t, http.StatusOK, unasked.status)
	require.Contains(t, unasked.body, `name="here" value="yes"`)
	require.Zero(t, asked)
	require.Equal(t, http.StatusSeeOther, v.post(link, "token", token(t, m.URL), "word", "swordfish").status)
	s.clock.Advance(61 * time.Second)
	require.Equal(t, http.StatusGone, v.post(link, "token", token(t, m.URL)).status)
	require.Equal(t, http.StatusBadRequest, v.post(link, "token", "half").status)
	require.Equal(t, 1, asked)
}

func TestLinkCheck_OtherErrorIsUndecided(t *testing.T) {
	s := newSite(t, option(onetimehttp.WithLinkCheck(func(*http.Request, onetime.Verification) error { return errStore })))
	v := s.visitor()
	m := v.asks(alice)
	a := v.post(link, "token", token(t, m.URL))
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.NotContains(t, a.body, errStore.Error())
	require.True(t, s.pending("user-17"))
	require.Zero(t, s.sessions())
}

// Of a program the function reads the fields from the body, and so does OnVerified after it.
func TestLinkCheck_BodyOfJSONCanBeReadAgain(t *testing.T) {
	word := func(r *http.Request) (body struct{ Token, Word string }) {
		require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		return body
	}
	s := newSite(t, func(with *setup) {
		option(onetimehttp.WithLinkCheck(func(r *http.Request, _ onetime.Verification) error {
			if word(r).Word != "swordfish" {
				return onetimehttp.Refusal("Not this word.")
			}
			return nil
		}))(with)
	})
	v := asProgram(s.visitor())
	v.json(start, "address", alice)
	m := s.message()
	p := v.json(link, "token", token(t, m.URL), "word", "herring").problem()
	require.Equal(t, onetimehttp.Problem{Type: "about:blank", Title: "Unprocessable Entity", Status: 422, Detail: "Not this word.", Reason: "check"}, p)
	require.Equal(t, http.StatusSeeOther, v.json(link, "token", token(t, m.URL), "word", "swordfish").status)

	seen := ""
	s = newSite(t, func(with *setup) {
		with.config.OnVerified = func(w http.ResponseWriter, r *http.Request, _ onetime.Verification) error {
			seen = word(r).Word
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	})
	v = asProgram(s.visitor())
	v.json(start, "address", alice)
	require.Equal(t, http.StatusNoContent, v.json(link, "token", token(t, s.message().URL), "word", "swordfish").status)
	require.Equal(t, "swordfish", seen)
}
