package onetimetest_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// site is what a user has: a Flow and a page that says who is signed in.
func site(t *testing.T) (*onetimetest.Outbox, *onetimetest.Clock, http.Handler) {
	outbox := onetimetest.NewOutbox(t)
	m, clock := onetimetest.New(t, onetime.WithLinkBase("https://example.com/sign-in/link"))
	flow, err := onetimehttp.New(m, onetimehttp.Config{
		Origin: "https://example.com", Name: "Example",
		Lookup: func(_ context.Context, typed string) (subject, deliverTo string, found bool, err error) {
			return "account-1", typed, typed == "ann@example.com", nil
		},
		Sender: outbox.Send,
		OnVerified: func(w http.ResponseWriter, r *http.Request, v onetime.Verification) error {
			http.SetCookie(w, &http.Cookie{Name: "session", Value: v.Subject, Path: "/", Secure: true})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return nil
		},
	}, onetimehttp.WithDangerouslyNoLimiter(), onetimehttp.WithQueue(onetimesend.WithDelay(0)))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, flow.Shutdown(context.Background())) })
	mux := http.NewServeMux()
	mux.Handle("/sign-in", flow.Start())
	mux.Handle("/sign-in/code", flow.Verify())
	mux.Handle("/sign-in/link", flow.Link())
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie("session"); err == nil {
			w.Write([]byte("signed in: " + c.Value))
		}
	})
	return outbox, clock, mux
}

// The test of a user: a sign-in from the form to the session, by the code and by the link, without a network.
func TestBrowser_SignsInByTheCodeOfTheMessage(t *testing.T) {
	outbox, clock, handler := site(t)
	b := onetimetest.NewBrowser(t, "https://example.com", handler)
	page := b.Submit(b.Get("/sign-in"), "address", "ann@example.com")
	sent := outbox.Next()
	require.Equal(t, "ann@example.com", sent.To.Addresses[0].Value)
	page = b.Submit(page, "code", sent.Code)
	require.Equal(t, "/", page.URL.Path)
	require.Equal(t, "signed in: account-1", page.Text)

	clock.Advance(time.Minute)
	other := onetimetest.NewBrowser(t, "https://example.com/", handler)
	require.Empty(t, other.Get("/").Text, "its cookies are its own")
	other.Submit(other.Get("/sign-in"), "address", "ann@example.com")
	page = other.Submit(other.Get(outbox.Next().URL))
	require.Equal(t, "signed in: account-1", page.Text)
	require.NotEmpty(t, other.Cookies("/"))
	other.SetCookie("session", "altered")
	require.Equal(t, "signed in: altered", other.Get("/").Text)
	require.Zero(t, outbox.Len())
}

func TestOutbox_FailsAsItIsTold(t *testing.T) {
	outbox := onetimetest.NewOutbox(t)
	gone := onetimesend.Permanent(errors.New("no such mailbox"))
	outbox.Fail(gone)
	_, err := outbox.Send(t.Context(), onetimesend.To(onetimesend.ChannelMail, "ann@example.com"), onetimesend.Message{ID: "1"})
	require.Equal(t, gone, err)
	outbox.Fail(nil)
	delivery, err := outbox.Send(t.Context(), onetimesend.To(onetimesend.ChannelSMS, "+15550100100"), onetimesend.Message{ID: "2"})
	require.NoError(t, err)
	require.Equal(t, onetimesend.Delivery{Channel: onetimesend.ChannelSMS, ID: "2"}, delivery)
	require.Equal(t, 1, outbox.Len())
	require.Equal(t, "2", outbox.Next().ID)
}

// A handler sees what it would see of a browser: forms that browsers post to their own site pass, those of others do not.
func TestBrowser_PostsAsTheSiteItself(t *testing.T) {
	var seen *http.Request
	b := onetimetest.NewBrowser(t, "http://localhost:8080", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = r.Clone(context.Background())
		require.NoError(t, r.ParseForm())
		seen.PostForm = r.PostForm
		w.Header().Set("Content-Type", "text/html")
		w.Write([]byte(`<form method="POST" action="there?a=b"><input name="x" value="1 &amp; 2"><input type="checkbox" name="no">` +
			`<input type=checkbox name=yes checked value=on><input type=hidden name=token value=t></form><form><input name=q></form>`))
	}))
	page := b.Get("/here/page")
	require.Empty(t, seen.Header.Get("Origin"))
	b.Submit(page, "x", "3")
	require.Equal(t, "/here/there?a=b", seen.URL.RequestURI())
	require.Equal(t, "localhost:8080", seen.Host)
	require.Equal(t, "http://localhost:8080", seen.Header.Get("Origin"))
	require.Equal(t, "same-origin", seen.Header.Get("Sec-Fetch-Site"))
	require.Equal(t, map[string][]string{"x": {"3"}, "yes": {"on"}, "token": {"t"}}, map[string][]string(seen.PostForm))
	b.Submit(page, "q", "what")
	require.Equal(t, "/here/page?q=what", seen.URL.RequestURI())
	b.Post("/here", "x", "1", "x", "2")
	require.Equal(t, []string{"1", "2"}, seen.PostForm["x"])
}
