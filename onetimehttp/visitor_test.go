package onetimehttp_test

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
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
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

const (
	origin  = "https://example.com"
	start   = "/sign-in"
	code    = "/sign-in/code"
	link    = "/sign-in/link"
	cookie  = "__Host-onetime-flow-default-1" // of Alice, or Moira, where nobody else was asked for
	ready   = "__Host-onetime-flow-default-0"
	alice   = "alice@example.com"   // has an account
	mallory = "moira@example.com"   // has none, in as many bytes, and takes the same cookie
	phone   = "+15550100"           // has an account
	stored  = "Alice.S@example.com" // what is stored with Alice's account
	patient = 2 * time.Minute       // how long tests wait for what happens soon
)

// A setup is what a test can change of a site before it is made.
type setup struct {
	config  onetimehttp.Config
	options []onetimehttp.Option
	manager []onetime.Option
	send    func(ctx context.Context, m onetimehttp.Message) error // after the message was noted
}

// A site is a Flow with people, a mailbox and sessions.
type site struct {
	t       testing.TB
	flow    *onetimehttp.Flow
	manager *onetime.Manager
	clock   *onetimetest.Clock
	handler http.Handler

	redisEnds func() error
	dump      func() map[string]map[string]string // all of Redis

	mail      chan sent          // each message that Sender was given
	delivered chan onetime.Event // each event of the Flow
	requests  chan *http.Request // each that was given to OnVerified

	mu        sync.Mutex
	verified  []onetime.Verification
	lookups   []string
	cancelled map[string]bool // the ids of issues that became decoys
	asked     int             // calls of the Manager
}

// A sent is a message and where it went.
type sent struct {
	to  string
	way onetimesend.Channel
	onetimehttp.Message
}

// lookup knows Alice, a phone, and all whose address begins with "known".
func lookup(_ context.Context, typed string) (subject, deliverTo string, found bool, err error) {
	switch {
	case typed == alice:
		return "user-17", stored, true, nil
	case typed == phone:
		return "user-18", phone, true, nil
	case strings.HasPrefix(typed, "known"):
		return "user-" + typed, typed, true, nil
	}
	return "", "", false, nil
}

// known is the address of an account, each of a domain of its own.
func known(n int) string { return fmt.Sprintf("known-%d@host-%d.example", n, n) }

// userNames lets people type what is no address.
var userNames = onetimehttp.WithNormalizer(func(typed string) (string, error) { return strings.TrimSpace(typed), nil })

// atOnce lets a Flow try each message once, without a delay and without limits of the queue's own: those go by the time of day.
var atOnce = onetimehttp.WithQueue(onetimesend.WithDelay(0), onetimesend.WithAttempts(1), onetimesend.WithRecipientLimits())

// delivery sets how many messages are delivered at a time, how many may wait, and how long one may take.
func delivery(workers, waiting int, timeout time.Duration) onetimehttp.Option {
	return onetimehttp.WithQueue(onetimesend.WithWorkers(workers), onetimesend.WithWaiting(waiting), onetimesend.WithTimeout(timeout))
}

func newSetup(s *site) *setup {
	return &setup{
		config: onetimehttp.Config{
			Origin: origin, Name: "Example",
			Lookup: lookup,
			OnVerified: func(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
				http.SetCookie(w, &http.Cookie{Name: "session", Value: "new"})
				http.Redirect(w, r, "/home", http.StatusSeeOther)
				return nil
			},
			OtherBrowser:  onetimehttp.AskOtherBrowser,
			Limiter:       limiter(func(*http.Request) bool { return true }),
			VerifyLimiter: limiter(func(*http.Request) bool { return true }),
		},
		manager: []onetime.Option{onetime.WithLinkBase(origin + link), onetime.WithObserver(s.notice)},
		send:    func(context.Context, onetimehttp.Message) error { return nil },
	}
}

// limiter refuses for a minute what allow does not let pass.
func limiter(allow func(*http.Request) bool) func(*http.Request) (time.Duration, error) {
	return func(r *http.Request) (time.Duration, error) {
		if allow(r) {
			return 0, nil
		}
		return time.Minute, nil
	}
}

// newSite makes a site that ends with the test.
func newSite(t testing.TB, change ...func(*setup)) *site {
	t.Helper()
	s := &site{t: t, mail: make(chan sent, 1000), delivered: make(chan onetime.Event, 1000), requests: make(chan *http.Request, 1000), cancelled: map[string]bool{}}
	with := newSetup(s)
	for _, c := range change {
		c(with)
	}
	client, clock := onetimetest.NewRedis(t)
	s.clock, s.redisEnds = clock, client.Close
	s.dump = func() map[string]map[string]string {
		all := map[string]map[string]string{}
		for _, key := range client.Keys(context.Background(), "*").Val() {
			all[key] = client.HGetAll(context.Background(), key).Val()
		}
		return all
	}
	var err error
	s.manager, err = onetime.New(client, onetimetest.Key, append([]onetime.Option{clock.Option()}, with.manager...)...)
	require.NoError(t, err)

	find, verified := with.config.Lookup, with.config.OnVerified
	with.config.Lookup = func(ctx context.Context, typed string) (string, string, bool, error) {
		s.mu.Lock()
		s.lookups = append(s.lookups, typed)
		s.mu.Unlock()
		return find(ctx, typed)
	}
	with.config.OnVerified = func(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
		s.mu.Lock()
		s.verified = append(s.verified, v)
		s.mu.Unlock()
		return verified(w, r, v)
	}
	with.config.Sender = func(ctx context.Context, to onetimesend.Recipient, m onetimehttp.Message) (onetimesend.Delivery, error) {
		address := to.Addresses[0]
		s.mail <- sent{address.Value, address.Channel, m}
		return onetimesend.Delivery{Channel: address.Channel}, with.send(ctx, m)
	}
	observe := onetimehttp.WithObserver(func(_ context.Context, e onetime.Event) { s.delivered <- e })
	s.flow, err = onetimehttp.New(s.manager, with.config, append([]onetimehttp.Option{observe, atOnce}, with.options...)...)
	require.NoError(t, err)
	t.Cleanup(func() { s.shutdown(0) }) // what still waits need not be sent

	s.handler = mounted(s.flow, with.config.Paths)
	return s
}

// mounted is the handlers of a Flow where its paths say.
func mounted(flow *onetimehttp.Flow, paths onetimehttp.Paths) http.Handler {
	mux := http.NewServeMux()
	mux.Handle(cmp.Or(paths.Start, start), flow.Start())
	mux.Handle(cmp.Or(paths.Verify, code), flow.Verify())
	mux.Handle(cmp.Or(paths.Link, link), flow.Link())
	return mux
}

func (s *site) shutdown(d time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return s.flow.Shutdown(ctx)
}

// next waits for what a channel brings.
func next[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patient):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// message waits for the next message and for the end of its delivery.
func (s *site) message() sent {
	s.t.Helper()
	m := next(s.t, s.mail)
	s.deliver()
	return m
}

// deliver waits for the end of a delivery and returns what is told of it.
func (s *site) deliver() onetime.Event {
	s.t.Helper()
	e := next(s.t, s.delivered)
	require.Equal(s.t, "Deliver", e.Op)
	return e
}

func (s *site) sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.verified)
}

// uses is how often OnVerified was told of a use that is no repeat.
func (s *site) uses() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.verified {
		if !v.Repeated {
			n++
		}
	}
	return n
}

// calls is how often the Manager was called.
func (s *site) calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// notice notes what the Manager made a decoy of.
func (s *site) notice(_ context.Context, e onetime.Event) {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	if e.Op == "CancelQuietly" && e.Err == nil {
		s.mu.Lock()
		s.cancelled[e.ID] = true
		s.mu.Unlock()
	}
}

// pending tells whether something that verifies is outstanding for a subject.
func (s *site) pending(subject string) bool {
	s.t.Helper()
	status, err := s.manager.Status(context.Background(), subject)
	require.NoError(s.t, err)
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(status.Pending, func(p onetime.Pending) bool { return !p.Used && !s.cancelled[p.ID] })
}

// A visitor is a browser: it keeps cookies, remembers the page it sees and submits its forms with their hidden fields.
type visitor struct {
	site   *site
	jar    http.CookieJar
	header http.Header // of each request, over what it would send
	seen   *answer
	stays  bool // it does not go where it is led
}

// An answer is a response with its body.
type answer struct {
	t      testing.TB
	status int
	header http.Header
	body   string
	via    *answer // what led there
}

func (s *site) visitor() *visitor {
	jar, err := cookiejar.New(nil)
	require.NoError(s.t, err)
	return &visitor{site: s, jar: jar, header: http.Header{}}
}

// program is a visitor that asks for JSON and sends no header that only browsers send.
func (s *site) program() *visitor {
	v := s.visitor()
	v.header = http.Header{"Accept": {"application/json"}, "Sec-Fetch-Site": nil, "Origin": nil}
	return v
}

var home, _ = url.Parse(origin)

// cookies are what the browser has of the site by name.
func (v *visitor) cookies() map[string]string {
	all := map[string]string{}
	for _, c := range v.jar.Cookies(home) {
		all[c.Name] = c.Value
	}
	return all
}

// request makes a request as the browser does.
func (v *visitor) request(method, target, kind, body string) *http.Request {
	r := httptest.NewRequest(method, origin+target, strings.NewReader(body))
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	r.Header.Set("Sec-Fetch-Site", "none")
	if method == http.MethodPost {
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Origin", origin)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	if site := v.header.Get("Sec-Fetch-Site"); method == http.MethodPost && site != "" && site != "same-origin" && site != "none" {
		r.Header.Set("Origin", "https://evil.example")
	}
	for name, values := range v.header {
		r.Header.Del(name)
		if len(values) > 0 {
			r.Header[name] = values
		}
	}
	for _, c := range v.jar.Cookies(home) {
		r.AddCookie(c)
	}
	return r
}

// send lets a handler answer a request and keeps its cookies and its page.
func (v *visitor) send(h http.Handler, r *http.Request) *answer {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	result := w.Result()
	v.jar.SetCookies(home, result.Cookies())
	v.seen = &answer{v.site.t, result.StatusCode, result.Header, w.Body.String(), nil}
	if via := v.seen; !v.stays && r.Method == http.MethodPost && via.status == http.StatusSeeOther && own.MatchString(via.header.Get("Location")) {
		v.send(v.site.handler, v.request(http.MethodGet, via.header.Get("Location"), "", ""))
		v.seen.via = via
	}
	return v.seen
}

// own are the pages of a Flow, to which it leads by itself.
var own = regexp.MustCompile(`^(/sign-in|/sign-in/code|/sign-in/link|/auth/\w+)(\?|$)`)

func (v *visitor) do(method, target, kind, body string) *answer {
	return v.send(v.site.handler, v.request(method, target, kind, body))
}

func (v *visitor) get(target string) *answer { return v.do(http.MethodGet, target, "", "") }

const form = "application/x-www-form-urlencoded"

// post sends a form of fields: name, value, name, value.
func (v *visitor) post(target string, fields ...string) *answer {
	return v.do(http.MethodPost, target, form, values(fields).Encode())
}

func values(fields []string) url.Values {
	values := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		values.Add(fields[i], fields[i+1])
	}
	return values
}

// json sends an object of fields: name, value, name, value.
func (v *visitor) json(target string, fields ...any) *answer {
	v.site.t.Helper()
	object := map[string]any{}
	for i := 0; i < len(fields); i += 2 {
		object[fields[i].(string)] = fields[i+1]
	}
	body, err := json.Marshal(object)
	require.NoError(v.site.t, err)
	return v.do(http.MethodPost, target, "application/json", string(body))
}

// submit fills in the first form of the page in sight that has the named field, or the first form if there is no field,
// and sends it with its hidden fields.
func (v *visitor) submit(fields ...string) *answer {
	v.site.t.Helper()
	for _, f := range v.seen.page().all("form") {
		filled, names := url.Values{}, map[string]bool{}
		for _, input := range f.all("input") {
			filled.Set(input.attr["name"], input.attr["value"])
			names[input.attr["name"]] = true
		}
		if len(fields) > 0 && !names[fields[0]] {
			continue
		}
		for name, value := range values(fields) {
			require.True(v.site.t, names[name], "the form has no field %s", name)
			filled[name] = value
		}
		require.Equal(v.site.t, "post", f.attr["method"])
		return v.do(http.MethodPost, f.attr["action"], form, filled.Encode())
	}
	require.FailNow(v.site.t, "no such form", "%q on\n%s", fields, v.seen.body)
	return nil
}

// asks starts a sign-in with the form and returns the message that comes.
func (v *visitor) asks(address string) sent {
	v.site.t.Helper()
	v.get(start)
	require.Equal(v.site.t, http.StatusOK, v.submit("address", address).status)
	return v.site.message()
}

// path is the target of a link of the site.
func path(t testing.TB, link string) string {
	t.Helper()
	require.True(t, strings.HasPrefix(link, origin+"/"), link)
	return strings.TrimPrefix(link, origin)
}

func token(t testing.TB, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	return u.Query().Get("token")
}

// wrong is the nth code that is not the given one.
func wrong(code string, n int) string {
	number := 0
	for _, digit := range code {
		number = number*10 + int(digit-'0')
	}
	return fmt.Sprintf("%0*d", len(code), (number+n)%1000000)
}

// An element of a page, with all elements inside it.
type element struct {
	name   string
	attr   map[string]string
	text   string // all text inside
	inside []*element
}

func (e *element) all(name string) []*element {
	return slices.DeleteFunc(slices.Clone(e.inside), func(e *element) bool { return e.name != name })
}

func (e *element) one(t testing.TB, name string) *element {
	t.Helper()
	found := e.all(name)
	require.Len(t, found, 1, "elements %q", name)
	return found[0]
}

func (e *element) id(id string) *element {
	for _, e := range e.inside {
		if e.attr["id"] == id {
			return e
		}
	}
	return nil
}

// voids are the elements without an end tag.
var voids = []string{"br", "hr", "img", "input", "link", "meta"}

var scripts = regexp.MustCompile(`(?s)(<script type="module">)(.*?)(</script>)`)

// parse reads HTML in which every element is closed in order, as those of this package are; anything else is an error.
func parse(page string) (*element, error) {
	page = scripts.ReplaceAllStringFunc(page, func(script string) string { // which has no markup in it
		part := scripts.FindStringSubmatch(script)
		return part[1] + html.EscapeString(part[2]) + part[3]
	})
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.Entity = false, xml.HTMLEntity
	open := []*element{{}}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) && len(open) == 1 {
			return open[0], nil
		}
		if err != nil {
			return nil, fmt.Errorf("with %d elements open: %w", len(open)-1, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: strings.ToLower(token.Name.Local), attr: map[string]string{}}
			for _, a := range token.Attr {
				name := strings.ToLower(a.Name.Local)
				if _, twice := e.attr[name]; twice {
					return nil, fmt.Errorf("%s has %s twice", e.name, name)
				}
				e.attr[name] = a.Value
			}
			for _, outer := range open {
				outer.inside = append(outer.inside, e)
			}
			if !slices.Contains(voids, e.name) {
				open = append(open, e)
			}
		case xml.EndElement:
			if name := open[len(open)-1].name; name != strings.ToLower(token.Name.Local) {
				return nil, fmt.Errorf("%s ends in %s", token.Name.Local, name)
			}
			open = open[:len(open)-1]
		case xml.CharData:
			for _, outer := range open {
				outer.text += string(token)
			}
		}
	}
}

// page reads the body as a page.
func (a *answer) page() *element {
	a.t.Helper()
	require.Equal(a.t, "text/html; charset=utf-8", a.header.Get("Content-Type"), a.body)
	e, err := parse(a.body)
	require.NoError(a.t, err, a.body)
	return e
}

// said is what the page says went wrong, empty if nothing.
func (a *answer) said() string {
	a.t.Helper()
	if e := a.page().id("error"); e != nil {
		return e.text
	}
	return ""
}

// noted is what else there is to say.
func (a *answer) noted() string {
	a.t.Helper()
	for _, e := range a.page().all("p") {
		if e.attr["class"] == "note" {
			return e.text
		}
	}
	return ""
}

// problem reads the body as problem details.
func (a *answer) problem() onetimehttp.Problem {
	a.t.Helper()
	require.Equal(a.t, "application/problem+json", a.header.Get("Content-Type"), a.body)
	var p onetimehttp.Problem
	require.NoError(a.t, json.Unmarshal([]byte(a.body), &p), a.body)
	require.Equal(a.t, a.status, p.Status)
	return p
}

// lines are the headers, sorted.
func lines(h http.Header) (all []string) {
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			all = append(all, name+": "+value)
		}
	}
	return all
}
