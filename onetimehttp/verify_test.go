package onetimehttp_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

func TestVerify_CodeAsItIsTyped(t *testing.T) {
	for _, typed := range []string{
		"%s", " %s ", "%s\n", "3+3", "full width", "%s.", "(%s)", "„%s“", "Your code is %s. It is good for 5 minutes.",
		"%s is your code for Example.\n\n@example.com #%s", strings.Repeat("a", 506) + "%s",
	} {
		s := newSite(t)
		v := s.visitor()
		m := v.asks(alice)
		text := strings.ReplaceAll(typed, "%s", m.Code)
		switch typed {
		case "3+3":
			text = m.Code[:3] + " - " + m.Code[3:]
		case "full width":
			text = strings.Map(func(r rune) rune { return r - '0' + '０' }, m.Code)
		}
		a := v.submit("code", text)
		require.Equal(t, http.StatusSeeOther, a.status, "%q\n%s", text, a.body)
		require.Equal(t, "/home", a.header.Get("Location"))
		require.Equal(t, "user-17", s.verified[0].Subject)
		require.Equal(t, stored, string(s.verified[0].Payload))
		s.clock.Advance(61 * time.Second)
		require.Equal(t, http.StatusForbidden, v.post(code, "address", alice, "code", m.Code).status, "used")
		require.Equal(t, 1, s.sessions())
	}
}

// A sentence in which more than one code could stand is judged as none, and costs no attempt.
func TestVerify_SentenceWithTwoCodesIsMalformed(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	for _, text := range []string{m.Code + " or " + wrong(m.Code, 1), "Your code is " + m.Code + "7.", strings.Repeat("a", 507) + m.Code} {
		require.Equal(t, http.StatusBadRequest, v.submit("code", text).status, text)
	}
	require.Equal(t, "This code is wrong. 4 attempts are left.", v.submit("code", wrong(m.Code, 1)).said())
}

func TestVerify_JSON(t *testing.T) {
	s := newSite(t)
	v := s.program()
	require.Equal(t, http.StatusOK, v.json(start, "address", alice).status)
	m := s.message()
	a := v.json(code, "address", alice, "code", wrong(m.Code, 1))
	require.Equal(t, onetimehttp.Problem{
		Type: "about:blank", Title: "Forbidden", Status: 403, Reason: "code_mismatch", Detail: "This code is wrong. 4 attempts are left.", AttemptsLeft: new(4),
	}, a.problem())
	require.Equal(t, http.StatusSeeOther, v.json(code, "address", alice, "code", m.Code).status)
	require.Equal(t, 1, s.sessions())
}

func crockford(with *setup) {
	with.manager = append(with.manager, onetime.WithAlphabet(onetime.Crockford32), onetime.WithCodeLength(8))
}

// A form of letters keeps what the alphabet allows.
func TestVerify_Crockford(t *testing.T) {
	s := newSite(t, crockford)
	v := s.visitor()
	m := v.asks(alice)
	require.Equal(t, "text", v.seen.page().id("code").attr["inputmode"])
	require.Contains(t, v.seen.body, "Code of 8 characters")
	require.Equal(t, http.StatusSeeOther, v.submit("code", strings.ToLower(m.Code[:4]+"-"+m.Code[4:])).status)
}

// Of a sentence, the word with a digit in it is the code; a code of letters alone has to stand alone.
func TestVerify_CrockfordInASentence(t *testing.T) {
	s := newSite(t, crockford)
	v := s.visitor()
	m := v.asks(alice)
	text := "Your code is " + strings.ToLower(m.Code) + "."
	if !strings.ContainsAny(m.Code, "0123456789") {
		require.Equal(t, http.StatusBadRequest, v.submit("code", text).status)
		text = m.Code + "."
	}
	require.Equal(t, http.StatusSeeOther, v.submit("code", text).status)
}

func TestVerify_GetLeadsToStart(t *testing.T) {
	v := newSite(t, func(with *setup) { with.config.Paths.Start = "/in" }).visitor()
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		a := v.do(method, code+"?address="+alice+"&code=123456", "", "")
		require.Equal(t, http.StatusSeeOther, a.status)
		require.Equal(t, "/in", a.header.Get("Location"))
	}
}

// Without the cookie a right code is refused, and not counted.
func TestVerify_WantsTheCookieOfTheBrowserThatAsked(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	m := v.asks(alice)
	for range 20 {
		other := s.visitor()
		require.Equal(t, http.StatusForbidden, other.post(code, "address", alice, "code", m.Code).status)
		require.Equal(t, "Start again in this browser, with cookies allowed.", other.seen.said())
	}
	other := s.visitor()
	other.asks(phone) // has a cookie, of its own
	require.Equal(t, http.StatusForbidden, other.post(code, "address", alice, "code", m.Code).status)
	require.Zero(t, s.sessions())
	require.Equal(t, http.StatusSeeOther, v.submit("code", m.Code).status)
}

// The code of one person does not verify for another in the same browser.
func TestVerify_CodeOfAnotherPerson(t *testing.T) {
	s := newSite(t)
	v := s.visitor()
	first := v.asks(alice)
	second := v.asks(phone)
	if first.Code != second.Code {
		require.Equal(t, http.StatusForbidden, v.post(code, "address", phone, "code", first.Code).status)
		require.Equal(t, http.StatusForbidden, v.post(code, "address", mallory, "code", first.Code).status)
	}
	require.Equal(t, http.StatusSeeOther, v.post(code, "address", phone, "code", second.Code).status)
	require.Equal(t, http.StatusSeeOther, v.post(code, "address", alice, "code", first.Code).status)
}

func TestVerify_LockedTellsHowLong(t *testing.T) {
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithGuessLimits(onetime.Limit{Burst: 2, Per: time.Minute}))
	})
	v := s.visitor()
	m := v.asks(alice)
	for n := range 2 {
		require.Equal(t, http.StatusForbidden, v.submit("code", wrong(m.Code, n+1)).status)
		require.Equal(t, []string{"", "30"}[n], v.seen.header.Get("Retry-After"), "the second leaves none")
	}
	s.clock.Advance(10500 * time.Millisecond)
	a := v.submit("code", m.Code)
	require.Equal(t, http.StatusTooManyRequests, a.status)
	require.Equal(t, "20", a.header.Get("Retry-After"), "19.5 s, rounded up")
	require.Equal(t, "Too many wrong codes. Wait a while, or use a link.", a.said())
	require.Equal(t, "Try again in 20 seconds.", a.noted())
	require.Equal(t, 20, asProgram(v).json(code, "address", alice, "code", m.Code).problem().RetryAfter)
	s.clock.Advance(20 * time.Second)
	require.Equal(t, http.StatusSeeOther, v.submit("code", m.Code).status)
}

// parallel answers the requests of n visitors at once and counts the answers by status.
func parallel(n int, request func(i int) *http.Request, h http.Handler) map[int]int {
	var begin, done sync.WaitGroup
	var counts [600]atomic.Int64
	begin.Add(1)
	for i := range n {
		r := request(i)
		done.Go(func() {
			w := &statusOnly{header: http.Header{}}
			begin.Wait()
			h.ServeHTTP(w, r)
			counts[w.status].Add(1)
		})
	}
	begin.Done()
	done.Wait()
	found := map[int]int{}
	for status := range counts {
		if n := counts[status].Load(); n > 0 {
			found[status] = int(n)
		}
	}
	return found
}

type statusOnly struct {
	header http.Header
	status int
}

func (w *statusOnly) Header() http.Header         { return w.header }
func (w *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (w *statusOnly) WriteHeader(status int)      { w.status = status }

func TestParallel_OneSession(t *testing.T) {
	const n = 100
	type post struct{ target, body string }
	for name, body := range map[string]func(i int, m sent) post{
		"link": func(_ int, m sent) post { return post{link, "token=" + token(t, m.URL)} },
		"link, here and not": func(i int, m sent) post {
			return post{link, "token=" + token(t, m.URL) + "&here=" + []string{"", "yes"}[i%2]}
		},
		"code": func(_ int, m sent) post { return post{code, "address=" + alice + "&code=" + m.Code} },
		"link and code": func(i int, m sent) post {
			return []post{{link, "token=" + token(t, m.URL)}, {code, "address=" + alice + "&code=" + m.Code}}[i%2]
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			v := s.visitor()
			m := v.asks(alice)
			counts := parallel(n, func(i int) *http.Request {
				p := body(i, m)
				return v.request(http.MethodPost, p.target, form, p.body)
			}, s.handler)
			require.Equal(t, n, counts[http.StatusSeeOther], counts)
			calls := map[string]bool{}
			for _, v := range s.verified {
				calls[v.Call()] = true
			}
			require.Len(t, calls, 1, "what else OnVerified is told of repeats it")
			require.Equal(t, 1, s.uses())
			require.False(t, s.pending("user-17"))
		})
	}
}

// Starts of one person at once send one message.
func TestParallel_OneMessage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	counts := parallel(50, func(int) *http.Request { return s.visitor().request(http.MethodPost, start, form, "address="+alice) }, s.handler)
	require.Equal(t, map[int]int{http.StatusSeeOther: 50}, counts)
	s.message()
	require.Empty(t, s.mail)
}
