package browser_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/examples/internal/browser"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

const (
	address      = "alice@example.com"
	addressLabel = "E-mail address or phone number"
	askButton    = "Send me a code or a link"
	codeLabel    = "Code of 6 digits"
	signInButton = "Sign in"
	againButton  = "Send again"
)

// A site is the handlers of onetimehttp, what they sent, and a first page.
type site struct {
	t      *testing.T
	origin string
	mails  chan onetimehttp.Message
	clock  *onetimetest.Clock
	end    func() error // of its Redis

	handler http.Handler // of the pages

	uses atomic.Int64 // how often somebody was signed in, but for repeats
	late atomic.Int64 // how long answers to POST take, in nanoseconds
	old  atomic.Bool  // browsers say nothing of where requests come from but the Origin of POST, as Safari before 16.4

	mu    sync.Mutex
	heard []heard // each POST
}

// A heard is what a browser said of a POST.
type heard struct{ origin, referer, cookies string }

func newSite(t *testing.T, change func(*onetimehttp.Config), managed []onetime.Option, opts ...onetimehttp.Option) *site {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &site{t: t, origin: "http://" + listener.Addr().String(), mails: make(chan onetimehttp.Message, 100)}
	client, clock := onetimetest.NewRedis(t)
	s.clock, s.end = clock, client.Close
	manager, err := onetime.New(client, onetimetest.Key, append(managed, clock.Option(), onetime.WithLinkBase(s.origin+"/sign-in/link"))...)
	require.NoError(t, err)
	config := onetimehttp.Config{
		Origin: s.origin, Name: "Example",
		Lookup: func(_ context.Context, typed string) (string, string, bool, error) { return typed, typed, true, nil },
		Sender: func(_ context.Context, _ onetimesend.Recipient, m onetimehttp.Message) (onetimesend.Delivery, error) {
			s.mails <- m
			return onetimesend.Delivery{Channel: onetimesend.ChannelMail}, nil
		},
		OnVerified: func(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
			if !v.Repeated {
				s.uses.Add(1)
			}
			onetimehttp.Done(w, r, "/home")
			return nil
		},
		Limiter:       func(*http.Request) (time.Duration, error) { return 0, nil },
		VerifyLimiter: func(*http.Request) (time.Duration, error) { return 0, nil },
	}
	change(&config)
	atOnce := onetimehttp.WithQueue(onetimesend.WithDelay(0), onetimesend.WithRecipientLimits())
	flow, err := onetimehttp.New(manager, config, append(opts, atOnce)...)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/sign-in", flow.Start())
	mux.Handle("/sign-in/code", flow.Verify())
	mux.Handle("/sign-in/link", flow.Link())
	mux.Handle("/home", flow.Protect(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Home</title>`+
			`<style>%s</style></head><body><main><h1>Welcome back</h1></main></body></html>`, flow.Style())
	})))
	mux.HandleFunc("/mail", func(w http.ResponseWriter, _ *http.Request) { // as a mail program shows it
		m := <-s.mails
		body, err := m.HTML()
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		before, after, _ := strings.Cut(body, "<table")
		strings.NewReplacer("</body>", "</main></body>").WriteString(w, before+"<main><h1>"+m.Subject()+"</h1><table"+after)
	})
	s.handler = s.hears(browser.Late(mux, &s.late))
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: s.handler}}
	server.Start()
	t.Cleanup(func() {
		server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		require.NoError(t, flow.Shutdown(ctx))
	})
	return s
}

// hears notes what browsers say of each POST.
func (s *site) hears(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			s.mu.Lock()
			s.heard = append(s.heard, heard{r.Header.Get("Origin"), r.Referer(), r.Header.Get("Cookie")})
			s.mu.Unlock()
		}
		if s.old.Load() {
			for name := range r.Header {
				if strings.HasPrefix(name, "Sec-") {
					r.Header.Del(name)
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// posts are what browsers said so far.
func (s *site) posts() []heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.heard)
}

// mail waits for the next message.
func (s *site) mail() onetimehttp.Message {
	s.t.Helper()
	select {
	case m := <-s.mails:
		return m
	case <-time.After(2 * time.Minute):
		require.FailNow(s.t, "no message")
		return onetimehttp.Message{}
	}
}

// ask asks for a message, and returns the status of the answer.
func (s *site) ask(b *browser.Browser) int { return s.askBy(b, askButton) }

func (s *site) askBy(b *browser.Browser, button string) int {
	b.Visit(s.origin + "/sign-in")
	b.Type(addressLabel, address)
	return b.Press(button)
}

// askFor asks for a message to an address and returns it.
func (s *site) askFor(b *browser.Browser, address string) onetimehttp.Message {
	b.Visit(s.origin + "/sign-in")
	b.Type(addressLabel, address)
	require.Equal(s.t, http.StatusOK, b.Press(askButton))
	return s.mail()
}

// wrong returns another code.
func wrong(code string, by int) string {
	var n int
	fmt.Sscan(code, &n)
	return fmt.Sprintf("%06d", (n+by)%1000000)
}
