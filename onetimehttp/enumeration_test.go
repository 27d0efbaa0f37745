package onetimehttp_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// random is the value of a cookie. It and the nonces of forms are all of an answer that may differ, and not in length.
var (
	random = regexp.MustCompile(`^(Set-Cookie: [^=]+=)([A-Za-z0-9_-]*);`)
	nonce  = regexp.MustCompile(`name="nonce" value="([A-Za-z0-9_-]{22})"`)
)

// seenBy is all that can be seen of an answer by who typed an address, with the address replaced; empty if none is in it.
func (a *answer) seenBy(address string) string {
	all := []string{strconv.Itoa(a.status)}
	for _, line := range lines(a.header) {
		if found := random.FindStringSubmatch(line); found != nil {
			line = fmt.Sprintf("%s%d bytes%s", found[1], len(found[2]), line[len(found[0]):])
		}
		all = append(all, line)
	}
	body := nonce.ReplaceAllString(a.body, "NONCE")
	if a.via != nil {
		body = a.via.seenBy(address) + "\n" + body
	}
	if address != "" {
		body = strings.NewReplacer(address, "ADDRESS", html.EscapeString(address), "ADDRESS").Replace(body)
	}
	return strings.Join(append(all, body), "\n")
}

// A pair is two visitors who do the same, one for an address with an account and one for an address without.
type pair struct {
	t              testing.TB
	known, unknown *visitor
}

// both lets both do something, compares what they see byte for byte, and returns it.
func (p pair) both(name string, do func(v *visitor, address string) *answer) *answer {
	p.t.Helper()
	known, unknown := do(p.known, alice), do(p.unknown, mallory)
	alike(p.t, known.seenBy(alice), unknown.seenBy(mallory), name)
	require.Empty(p.t, unknown.browserLine(), "a decoy makes no browser known")
	return known
}

// alike compares two texts and shows the lines that differ only: pages are long.
func alike(t testing.TB, known, unknown, name string) {
	t.Helper()
	if known == unknown {
		return
	}
	a, b := strings.Split(known, "\n"), strings.Split(unknown, "\n")
	only := func(lines, other []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return slices.Contains(other, line) }), "\n")
	}
	require.FailNow(t, name+": the answers differ", "known:\n%s\nunknown:\n%s", only(a, b), only(b, a))
}

// A condition is what becomes of messages.
type condition struct {
	name    string
	send    func(ctx context.Context, m onetimehttp.Message) error
	options []onetimehttp.Option
	prepare func(s *site)         // before the session
	dress   func(s *site, p pair) // gives the visitors what they show
	silent  bool                  // Sender is not called
	pending bool                  // Sender does not return
}

var delivered = condition{name: "delivered", send: func(context.Context, onetimehttp.Message) error { return nil }}

// conditions are all but delivered.
func conditions() []condition {
	fill := func(s *site) { // the one worker is busy, the one place in the queue is taken
		for _, address := range []string{"known-first@example.com", "known-second@example.com"} {
			require.Equal(s.t, http.StatusOK, s.visitor().post(start, "address", address).status)
			if address == "known-first@example.com" {
				next(s.t, s.mail)
			}
		}
	}
	blocks := func(ctx context.Context, _ onetimehttp.Message) error { <-ctx.Done(); return ctx.Err() }
	return []condition{
		{name: "delivery fails", send: func(context.Context, onetimehttp.Message) error { return errors.New("no such mailbox") }},
		{name: "delivery panics", send: func(context.Context, onetimehttp.Message) error { panic("no such mailbox") }},
		{name: "delivery ends its goroutine", send: func(context.Context, onetimehttp.Message) error { runtime.Goexit(); return nil }},
		{name: "delivery blocks", send: blocks, options: []onetimehttp.Option{delivery(100, 1000, time.Minute)}, pending: true},
		{name: "queue is full", send: blocks, options: []onetimehttp.Option{delivery(1, 1, time.Minute)}, prepare: fill, silent: true},
		{name: "shut down", send: blocks, prepare: func(s *site) { require.NoError(s.t, s.shutdown(patient)) }, silent: true},
	}
}

func TestEnumeration_WholeSessionIsAnsweredAlike(t *testing.T) {
	t.Parallel()
	modes := map[string]onetimehttp.Secrets{"link and code": onetimehttp.LinkAndCode, "code": onetimehttp.CodeOnly, "link": onetimehttp.LinkOnly}
	for name, secrets := range modes {
		t.Run("delivered, "+name+", HTML", func(t *testing.T) { t.Parallel(); session(t, secrets, false, delivered) })
		t.Run("delivered, "+name+", JSON", func(t *testing.T) { t.Parallel(); session(t, secrets, true, delivered) })
	}
	for _, c := range conditions() {
		t.Run(c.name+", link and code, HTML", func(t *testing.T) { t.Parallel(); session(t, onetimehttp.LinkAndCode, false, c) })
		t.Run(c.name+", code, JSON", func(t *testing.T) { t.Parallel(); session(t, onetimehttp.CodeOnly, true, c) })
	}
}

// session is all that a stranger can do with an address.
func session(t *testing.T, secrets onetimehttp.Secrets, program bool, c condition, change ...func(*setup)) {
	s := newSite(t, append(change, func(with *setup) {
		with.config.Secrets, with.send, with.options = secrets, c.send, c.options
	})...)
	if c.prepare != nil {
		c.prepare(s)
	}
	p := pair{t, s.visitor(), s.visitor()}
	if program {
		p = pair{t, s.program(), s.program()}
	}
	if c.dress != nil {
		c.dress(s, p)
	}
	send := func(v *visitor, target string, fields ...string) *answer {
		if !program {
			return v.post(target, fields...)
		}
		var object []any
		for _, field := range fields {
			object = append(object, field)
		}
		return v.json(target, object...)
	}
	right, tries := "000000", 0
	ask := func(name string, status int) {
		t.Helper()
		a := p.both(name, func(v *visitor, address string) *answer { return send(v, start, "address", address) })
		require.Equal(t, status, a.status, "%s\n%s", name, a.body)
		if status == http.StatusTooManyRequests {
			require.NotEmpty(t, a.header.Get("Retry-After"), name)
		}
		if status != http.StatusOK || c.silent {
			return
		}
		if m := next(t, s.mail); m.Code != "" {
			right = m.Code
		}
		if !c.pending {
			s.deliver()
		}
	}
	try := func(name string, status int) {
		t.Helper()
		tries++
		a := p.both(name, func(v *visitor, address string) *answer {
			return send(v, code, "address", address, "code", wrong(right, tries))
		})
		if status == http.StatusForbidden && a.status == http.StatusGone {
			status = a.status // it is told whether it was wrong, or can be tried no more
		}
		require.Equal(t, status, a.status, "%s\n%s", name, a.body)
	}
	counted := secrets != onetimehttp.LinkOnly // whatever became of the message
	locked, resend := http.StatusForbidden, http.StatusOK
	if counted {
		locked = http.StatusTooManyRequests
		if secrets == onetimehttp.CodeOnly {
			resend = http.StatusTooManyRequests
		}
	}

	p.both("form", func(v *visitor, _ string) *answer { return v.get(start) })
	p.both("code before anything", func(v *visitor, address string) *answer { return send(v, code, "address", address, "code", "123456") })
	ask("start", http.StatusOK)
	ask("start again", http.StatusTooManyRequests)
	p.both("spelled otherwise", func(v *visitor, address string) *answer {
		return send(v, start, "address", " "+strings.ToUpper(address)+"\t")
	})
	p.both("another browser", func(v *visitor, address string) *answer {
		other := *v
		other.jar = s.visitor().jar
		return send(&other, start, "address", address)
	})
	p.both("code page", func(v *visitor, _ string) *answer { return v.get(code) })
	p.both("no code", func(v *visitor, address string) *answer { return send(v, code, "address", address) })
	p.both("half a code", func(v *visitor, address string) *answer { return send(v, code, "address", address, "code", "123") })
	p.both("no cookie", func(v *visitor, address string) *answer {
		other := *v
		other.jar = s.visitor().jar
		return send(&other, code, "address", address, "code", "123456")
	})
	for range 6 {
		try("wrong, then exhausted", http.StatusForbidden)
	}
	tries--
	try("the same wrong code", http.StatusForbidden)

	s.clock.Advance(30 * time.Second)
	ask("resend", http.StatusOK)
	for range 4 {
		try("wrong, until nearly locked", http.StatusForbidden)
	}
	try("wrong, until locked", http.StatusForbidden)
	try("locked", locked)
	for range 3 {
		s.clock.Advance(30 * time.Second)
		ask("resend, perhaps without a code", resend)
		ask("at once again", http.StatusTooManyRequests)
		try("still locked", locked)
	}
	s.clock.Advance(30 * time.Second)
	ask("the limit of 15 minutes", http.StatusTooManyRequests)

	s.clock.Advance(time.Hour)
	ask("an hour later", http.StatusOK)
	try("wrong", http.StatusForbidden)
	s.clock.Advance(11 * time.Minute)
	try("expired", http.StatusForbidden)
	require.Zero(t, s.sessions())
}

// Where the delivery to an account fails for good, its wrong codes are counted as those of a decoy are.
func TestEnumeration_FailedDeliveriesLockToo(t *testing.T) {
	s := newSite(t, func(with *setup) { with.send = conditions()[0].send })
	locked := map[string]bool{}
	for _, address := range []string{alice, mallory} {
		v := s.program()
		for i := range 11 {
			if i%5 == 0 {
				s.clock.Advance(time.Minute)
				require.Equal(t, http.StatusOK, v.json(start, "address", address).status)
				if address == alice {
					s.message()
				}
			}
			locked[address] = v.json(code, "address", address, "code", strconv.Itoa(100000+i)).status == http.StatusTooManyRequests
		}
	}
	require.Equal(t, map[string]bool{alice: true, mallory: true}, locked)
}

func TestEnumeration_DisabledCodesAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithSendLimits(), onetime.WithMaxAttempts(16),
			onetime.WithGuessLimits(onetime.Limit{Burst: 100, Per: time.Second}))
	})
	p, failures := pair{t, s.program(), s.program()}, 0
	for failures < 100 {
		a := p.both("start", func(v *visitor, address string) *answer { return v.json(start, "address", address) })
		require.Equal(t, http.StatusOK, a.status)
		right := s.message().Code
		for range min(16, 100-failures) {
			failures++
			p.both("wrong", func(v *visitor, address string) *answer {
				return v.json(code, "address", address, "code", wrong(right, failures))
			})
		}
		s.clock.Advance(time.Second)
	}
	p.both("start without a code", func(v *visitor, address string) *answer { return v.json(start, "address", address) })
	require.Empty(t, s.message().Code)
	a := p.both("disabled", func(v *visitor, address string) *answer { return v.json(code, "address", address, "code", "123456") })
	require.Equal(t, "codes_disabled", a.problem().Reason)
}

// One spelling of an address stands for all, known or not: limits are shared.
func TestRule16_SpellingsOfAnAddressAreOneSubjectAndShareLimits(t *testing.T) {
	mails := func(name, domain string) []string {
		upper := strings.ToUpper(name + "@" + domain)
		wide := strings.Map(func(r rune) rune { return r + 0xfee0 }, name) + "＠"
		plain := name + "@" + domain
		all := []string{plain, upper, wide + domain, "<" + plain + ">", "mailto:" + plain, "mailto:" + name + "%40" + domain + "?subject=Hi", "A Name <" + upper + ">",
			plain + ",", plain + ".", "'" + plain + "'", "“" + plain + "”", "(" + plain + ")", "\t" + plain + "\n"}
		for _, r := range "\u00a0\u00ad\u200b\u200e\u202a\u202c\u2003\u2060\u2068\u2069\u3000\ufeff\x7f" {
			all = append(all, string(r)+plain+string(r))
		}
		return all
	}
	phones := func(country, rest string) []string {
		all := []string{"+" + country + rest, "00" + country + rest, "+" + country + " (0)" + rest, "tel:+" + country + rest, " +" + country + "." + rest + "\n",
			"＋" + country + rest, "+" + country + "/" + rest, "(+" + country + ") " + rest, "+" + country + " [" + rest[:3] + "] " + rest[3:],
			"\u202a+" + country + rest + "\u202c", "+" + country + strings.Map(func(r rune) rune { return r + 0xfee0 }, rest)}
		for _, r := range " -.\u00a0\u00ad\u2009\u200b\u2011\u2013\u2014\u202f\u2212\u3000\u30fb" {
			all = append(all, "+"+country+string(r)+rest[:3]+string(r)+rest[3:])
		}
		return all
	}
	german := func(name string) []string {
		return []string{name + "@xn--bcher-kva.example", name + "@bücher.example", name + "@BÜCHER.example", name + "@bu\u0308cher.example", name + "@bücher。example", strings.ToUpper(name) + "@Bücher.Example"}
	}
	for _, spellings := range [][]string{
		phones("1", "5550100"), phones("1", "5550199"), mails("alice", "example.com"), mails("moira", "example.com"), german("known"), german("other"),
	} {
		s := newSite(t)
		for i, spelling := range spellings {
			a := s.visitor().post(start, "address", spelling)
			if i == 0 {
				require.Equal(t, http.StatusOK, a.status, spelling)
			} else {
				require.Equal(t, http.StatusTooManyRequests, a.status, "%q after %q", spelling, spellings[0])
			}
			require.Equal(t, spellings[0], a.page().all("input")[0].attr["value"], "the spelling that is shown")
			require.Equal(t, spellings[0], s.lookups[len(s.lookups)-1], "what Lookup is given")
		}
		require.Len(t, s.dump(), 1)
	}
}

// What is no address by its syntax is nobody's: to say so tells nothing about accounts, and a decoy would let people wait.
func TestStart_WhatIsNoAddressIsSaidSo(t *testing.T) {
	s := newSite(t)
	for _, typed := range []string{
		"x", "not an address", "a@[10.0.0.5]", "root@localhost", "user-17", "a@b@example.com", "@example.com", "alice@", "al ice@example.com", "al\u200bice@example.com",
		`"alice"@example.com`, "alice@example.com, bob@example.com", "030 5550100", "+1", "+1 555 0100 x5", "()",
	} {
		for _, target := range []string{start, code} {
			a := s.visitor().post(target, "address", typed, "code", "123456")
			require.Equal(t, http.StatusBadRequest, a.status, "%q", typed)
			require.Equal(t, "Check the address.", a.said(), "%q", typed)
			require.Equal(t, typed, a.page().all("input")[0].attr["value"], "to be mended")
			p := s.program().json(target, "address", typed, "code", "123456").problem()
			require.Equal(t, "address", p.Reason, "%q", typed)
		}
	}
	require.Empty(t, s.lookups)
	require.Empty(t, s.dump(), "nothing is kept of it")

	names := newSite(t, func(with *setup) { with.options = append(with.options, userNames) })
	require.Equal(t, http.StatusOK, names.visitor().post(start, "address", "not an address").status, "with a normaliser of one's own")
}

// What the Manager makes of subjects is for those of accounts: an address without one must not depend on it.
func TestEnumeration_NormaliserOfTheManager(t *testing.T) {
	addresses := func(with *setup) {
		with.config.Lookup = func(_ context.Context, typed string) (string, string, bool, error) {
			return typed, stored, typed == alice || strings.HasPrefix(typed, "known"), nil
		}
		with.manager = append(with.manager, onetime.WithNormalizer(func(subject string) (string, error) {
			a, err := mail.ParseAddress(subject)
			if err != nil {
				return "", err
			}
			return a.Address, nil
		}))
	}
	for _, c := range append(conditions(), delivered) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			secrets := onetimehttp.CodeOnly
			if c.silent {
				secrets = onetimehttp.LinkAndCode
			}
			session(t, secrets, true, c, addresses)
		})
	}
}

// An address that is typed must not lead to the record of an account whose subject it happens to be.
func TestEnumeration_TypedSubjectOfAnAccountIsNobody(t *testing.T) {
	s := newSite(t, func(with *setup) { with.options = append(with.options, userNames) })
	v := s.visitor()
	require.Equal(t, http.StatusOK, v.post(start, "address", "user-17").status)
	require.False(t, s.pending("user-17"))
	require.Equal(t, http.StatusOK, v.post(start, "address", alice).status, "the limits of the account are its own")
}

// A trail notes in which order an answer is written and other things happen.
type trail struct {
	http.ResponseWriter
	mu    *sync.Mutex
	steps *[]string
}

func newTrail(w http.ResponseWriter) trail { return trail{w, new(sync.Mutex), new([]string)} }

func (w trail) note(step string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*w.steps = append(*w.steps, step)
}

func (w trail) WriteHeader(status int) {
	w.note("header")
	w.ResponseWriter.WriteHeader(status)
}

func (w trail) Write(b []byte) (int, error) {
	w.note("body")
	return w.ResponseWriter.Write(b)
}

func (w trail) Flush() { w.note("flush") }

// After Shutdown the delivery fails in the same goroutine, so the order is certain.
func TestEnumeration_AnswerIsCompleteBeforeTheDelivery(t *testing.T) {
	w := newTrail(httptest.NewRecorder())
	s := newSite(t, func(with *setup) {
		with.manager = append(with.manager, onetime.WithObserver(func(_ context.Context, e onetime.Event) { w.note(e.Op) }))
	})
	require.NoError(t, s.shutdown(patient))
	s.handler.ServeHTTP(w, s.visitor().request(http.MethodPost, start, form, "address="+alice))
	require.Equal(t, []string{"IssueLink", "header", "body", "flush", "CancelQuietly"}, *w.steps)
}

// The Sender does not return before the answer has been read whole, over a real connection.
func TestEnumeration_AnswerDoesNotWaitForTheSender(t *testing.T) {
	read := make(chan struct{})
	s := newSite(t, func(with *setup) {
		with.send = func(ctx context.Context, _ onetimehttp.Message) error {
			select {
			case <-read:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	server := httptest.NewServer(s.handler)
	defer server.Close()
	for range 2 { // on one connection: the second request has no answer before the first handler has returned
		r, err := server.Client().Post(server.URL+start, form, strings.NewReader("address="+alice))
		require.NoError(t, err)
		_, err = io.ReadAll(r.Body)
		require.NoError(t, err)
		r.Body.Close()
	}
	close(read)
	next(t, s.mail)
	require.NoError(t, s.deliver().Err)
}

// The Sender takes one message at a time, and none is sent before all starts are answered. If known people waited for their
// own delivery, or for those before it, they would have no answer. The medians are for readers.
func TestEnumeration_TimeOf200Starts(t *testing.T) {
	answered := make(chan struct{})
	var sends atomic.Int64
	s := newSite(t, func(with *setup) {
		with.options = append(with.options, delivery(1, 1000, time.Minute))
		with.send = func(ctx context.Context, _ onetimehttp.Message) error {
			select {
			case <-answered:
				sends.Add(1)
			case <-ctx.Done():
			}
			return nil
		}
	})
	server := httptest.NewServer(s.handler)
	defer server.Close()
	release := sync.OnceFunc(func() { close(answered) })
	defer release() // before the server ends
	client := server.Client()
	client.Timeout = patient
	times := map[string][]time.Duration{}
	for i := range 100 {
		for _, who := range []string{"known", "other"} {
			began := time.Now()
			r, err := client.Post(server.URL+start, form, strings.NewReader("address="+who+strconv.Itoa(i)+"@example.com"))
			require.NoError(t, err)
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			r.Body.Close()
			times[who] = append(times[who], time.Since(began))
			require.Equal(t, http.StatusOK, r.StatusCode, string(body))
		}
	}
	median := func(who string) time.Duration { slices.Sort(times[who]); return times[who][len(times[who])/2] }
	known, unknown := median("known"), median("other")
	t.Logf("medians of 100: known %s, unknown %s", known, unknown)
	require.Zero(t, sends.Load())
	release()
	require.NoError(t, s.shutdown(patient))
	require.Positive(t, sends.Load())
}

// Over a real connection the answers are alike, too, with what net/http adds.
func TestEnumeration_OverTheWire(t *testing.T) {
	s := newSite(t)
	server := httptest.NewServer(s.handler)
	defer server.Close()
	for _, accept := range []string{"text/html", "application/json"} {
		var all []string
		for _, address := range []string{alice, mallory} {
			r, err := http.NewRequest(http.MethodPost, server.URL+start, strings.NewReader("address="+address))
			require.NoError(t, err)
			r.Header.Set("Content-Type", form)
			r.Header.Set("Accept", accept)
			w, err := server.Client().Do(r)
			require.NoError(t, err)
			body, err := io.ReadAll(w.Body)
			require.NoError(t, err)
			w.Body.Close()
			w.Header.Del("Date")
			a := answer{t, w.StatusCode, w.Header, string(body), nil}
			all = append(all, strings.Join(w.TransferEncoding, ",")+w.Proto+strconv.FormatBool(w.Close)+a.seenBy(address))
		}
		alike(t, all[0], all[1], accept)
		s.clock.Advance(time.Minute)
	}
}
