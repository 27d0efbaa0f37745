package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Who guesses a password is stopped, whether or not the address has an account, and its owner gets in otherwise.
func TestSignIn_GuessesAtOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	for _, address := range []string{alice, "carol@example.com"} {
		s, _ := open(t)
		set(t, s, alice, first)
		v := s.Visitor()
		for range 10 {
			require.Equal(t, http.StatusForbidden, v.Post("/sign-in/password", "address", address, "password", second).Status)
		}
		shown := v.Post("/sign-in/password", "address", address, "password", first)
		require.Equal(t, http.StatusTooManyRequests, shown.Status)
		require.Contains(t, shown.Said(), "sign in by code or link")
		shown.Guarded(t)
		v.Post("/sign-in/code", "address", alice, "code", v.Ask("/sign-in", alice, alice).Code)
		require.Equal(t, alice, v.SignedIn())
	}
}

func TestSignIn_GuessesOfOneClientAreLimited(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	status := 0
	for i := 0; i < 100 && status != http.StatusTooManyRequests; i++ {
		status = s.Visitor().Post("/sign-in/password", "address", fmt.Sprintf("%d@example.com", i), "password", first).Status
	}
	require.Equal(t, http.StatusTooManyRequests, status)
}

func TestSignIn_WrongPasswordAndNoAccountAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	set(t, s, alice, first)
	v := s.Visitor()
	wrong := v.Post("/sign-in/password", "address", alice, "password", second)
	require.Equal(t, http.StatusForbidden, wrong.Status)
	require.Equal(t, wrong.Seen("alice", "X"), v.Post("/sign-in/password", "address", "carol@example.com", "password", second).Seen("carol", "X"))
	require.Equal(t, wrong.Seen("alice", "X"), v.Post("/sign-in/password", "address", bob, "password", second).Seen("bob", "X"), "no password")
	require.Equal(t, http.StatusBadRequest, v.Post("/sign-in/password", "address", "nobody", "password", second).Status)
	require.Empty(t, v.SignedIn())
}

// A password that is looked at while it is changed signs nobody in.
func TestSignIn_WithThePasswordOfBeforeAResetIsOver(t *testing.T) {
	t.Parallel()
	s, a := open(t)
	set(t, s, alice, first)
	request, err := http.NewRequest(http.MethodPost, "/", nil)
	require.NoError(t, err)
	before, right, err := a.knows(request, alice, first)
	require.NoError(t, err)
	require.True(t, right)
	s.Clock.Advance(time.Minute)
	set(t, s, alice, second)
	answer := httptest.NewRecorder()
	a.Sessions.Begin(answer, request, before)
	v := s.Visitor()
	v.SetCookie("session", answer.Result().Cookies()[0].Value)
	require.Empty(t, v.SignedIn())
}
