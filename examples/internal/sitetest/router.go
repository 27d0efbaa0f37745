package sitetest

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/signin"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// SignsIn signs in through a router of another library, by code and by link, and has it refuse what it should.
func SignsIn(t *testing.T, mount func(flow *onetimehttp.Flow, page http.Handler) http.Handler) {
	const alice = "alice@example.com"
	s := New(t, alice)
	_, flow, err := signin.New(t.Context(), s.Site)
	require.NoError(t, err)
	router := mount(flow, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if account, err := s.Sessions.Account(r); err == nil && account.ID != "" {
			fmt.Fprintf(w, "You are signed in as <strong>%s</strong>", account.Address)
			return
		}
		fmt.Fprint(w, "You are not signed in.")
	}))
	mux := http.NewServeMux()
	mux.Handle("/", router)
	mux.Handle("GET /inbox", s.Inbox.Page(flow.Style()))
	s.Serve(func(ctx context.Context) error { return s.Site.Serve(ctx, mux, flow) })

	code, link := s.Visitor(), s.Visitor()
	mail := code.Ask("/sign-in", alice, alice)
	require.Equal(t, http.StatusForbidden, link.Post("/sign-in/code", "address", alice, "code", mail.Code).Status, "another browser")
	code.Post("/sign-in/code", "address", alice, "code", mail.Code)
	require.Equal(t, alice, code.SignedIn())

	s.Clock.Advance(time.Minute)
	shown, _ := link.Open(link.Ask("/sign-in", alice, alice).Link)
	shown.Guarded(t)
	require.Equal(t, http.StatusOK, link.Submit(shown).Status)
	require.Equal(t, alice, link.SignedIn())
	require.Equal(t, http.StatusOK, link.Submit(shown).Status, "sent twice, it signs in like the first")

	// The page beside sign-in has the same headers and refuses the same.
	require.Equal(t, "strict-origin", link.Get("/").Header.Get("Referrer-Policy"))
	for _, path := range []string{"/", "/sign-in", "/sign-in/code", "/sign-in/link"} {
		request, err := http.NewRequest(http.MethodPost, s.Origin+path, nil)
		require.NoError(t, err)
		request.Header.Set("Sec-Fetch-Site", "cross-site")
		require.Equal(t, http.StatusForbidden, link.Read(link.Client.Do(request)).Status, path)
	}
}
