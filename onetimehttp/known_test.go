package onetimehttp_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// What is brought instead of the request of the form wins nothing: the right code is then answered as a wrong one is, in the
// same words and counted, and the page brings another that is as long.
func TestRule11_AnotherRequestIsAnsweredAsAWrongCode(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithSendLimits(), onetime.WithCodeLength(12), onetime.WithMaxAttempts(16),
			onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Hour}))
	})
	bring := func(v *visitor, address string) string {
		require.Equal(t, http.StatusOK, v.post(start, "address", address).status)
		return v.form
	}
	other := s.visitor()
	v := s.visitor()
	ofPhone := bring(v, phone) // the same browser, another person
	next(t, s.mail)
	ofNobody := bring(v, mallory)
	ofAnotherBrowser := bring(other, alice)
	next(t, s.mail)
	own := bring(v, alice)
	m := next(t, s.mail)

	altered := []byte(own)
	altered[40] ^= 1
	raw, err := base64.RawURLEncoding.DecodeString(own)
	require.NoError(t, err)
	wrongCode := v.post(code, "address", alice, "code", wrong(m.Code, 1))
	attempts := func() int {
		status, err := s.manager.Status(t.Context(), "user-17")
		require.NoError(t, err)
		return min(status.Pending[0].AttemptsLeft, status.Pending[1].AttemptsLeft) // the other browser has made no attempt
	}
	for name, request := range map[string]string{
		"none": "", "of another person": ofPhone, "of nobody": ofNobody, "of another browser": ofAnotherBrowser, "altered": string(altered),
		"cut": own[:100], "longer": own + "AAAA", "with a line break": own[:50] + "\n" + own[50:], "in the other alphabet": base64.StdEncoding.EncodeToString(raw),
		"padded": own + "=", "zeros": strings.Repeat("A", len(own)), "one byte": "A", "no text": "\xff\x00", "long": strings.Repeat("A", 4000),
	} {
		a := v.post(code, "address", alice, "code", m.Code, "request", request)
		alike(t, wrongCode.seenBy(""), a.seenBy(""), name)
		p := asProgram(v).json(code, "address", alice, "code", m.Code, "request", request)
		require.Equal(t, http.StatusForbidden, p.status, name)
		require.Equal(t, "refused", p.problem().Reason, name)
	}
	require.Equal(t, 14, attempts(), "the wrong code was charged, and the right one without its request, once")
	require.Equal(t, http.StatusSeeOther, v.post(code, "address", alice, "code", m.Code, "request", own).status, "its own")
}

// A form keeps the requests of five issues, so that with WithKeep each of the codes that live verifies.
func TestRequest_IsKeptOverResends(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithSendLimits(), onetime.WithKeep(5), onetime.WithCodeLength(12))
	})
	v := s.visitor()
	v.get(start)
	v.submit("address", alice)
	first := next(t, s.mail)
	for n := range 5 {
		require.Equal(t, http.StatusOK, v.again().status)
		require.Len(t, v.form, 118, "as long after each")
		next(t, s.mail)
		if n == 3 {
			require.NotEmpty(t, first.Code)
			b := *v // a copy of the page, from which nothing is used
			require.Equal(t, http.StatusForbidden, b.post(code, "address", alice, "code", wrong(first.Code, 1)).status)
			require.Equal(t, http.StatusSeeOther, b.post(code, "address", alice, "code", first.Code).status, "the oldest of five")
		}
	}
}

// The button for another message works for a browser whose answer to the first try was lost: it learns what is pending.
func TestRequest_LostAnswerOfAResend(t *testing.T) {
	s := newSite(t)
	for _, program := range []bool{false, true} {
		v := s.visitor()
		if program {
			v = s.program()
		}
		v.post(start, "address", alice)
		s.message()
		s.clock.Advance(time.Minute)
		before := v.form
		require.Equal(t, http.StatusOK, v.post(start, "address", alice).status) // and nobody sees it
		second := s.message()
		require.Equal(t, http.StatusTooManyRequests, v.post(start, "address", alice, "request", before).status)
		require.Equal(t, http.StatusForbidden, v.post(code, "address", alice, "code", second.Code, "request", before).status)
		require.Equal(t, http.StatusTooManyRequests, v.post(start, "address", alice, "request", before).status)
		require.Equal(t, http.StatusSeeOther, v.post(code, "address", alice, "code", second.Code).status)
		s.clock.Advance(15 * time.Minute)
	}
}
