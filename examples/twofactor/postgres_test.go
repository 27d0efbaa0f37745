//go:build unix

package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime/examples/internal/postgrestest"
	"github.com/seed-3f7b73d1/onetime/factor/sqlstore"
)

func TestPostgreSQL_SignsInRenewsAndLosesThePhone(t *testing.T) {
	t.Parallel()
	s := openOn(t, postgrestest.Open(t), sqlstore.PostgreSQL)
	v := s.Visitor()
	s.first(v, alice)
	p, _ := s.setUp(v)
	s.second(s.Visitor(), alice, p)
	s.Clock.Advance(61e9)
	shown, _ := s.renew(v, p)
	codes := codesOf(shown)
	lost := s.Visitor()
	between := token(t, lost, s.first(lost, alice))
	lost.Mails(1, func() {
		require.Equal(t, "/factor", lost.Post(byRecoveryLost.Action, "token", between, "code", codes[0]).Path)
	})
	require.Empty(t, v.SignedIn())
	s.setUp(lost)
	mail := v.Ask("/sign-in", alice, alice)
	shown = v.Post("/sign-in/code", "address", alice, "code", mail.Code)
	require.Equal(t, http.StatusForbidden, v.Submit(shown, "code", p.wrong()).Status)
	require.Empty(t, v.SignedIn())
}
