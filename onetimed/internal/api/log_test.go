package api

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLog_SaysWhatWasCalledAndNothingOfPeople(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	secret := "the session of the person"
	a, sent := f.start("login", body("subject", "account-77", "to", "alice@example.com", "kind", "both", "binding", secret, "payload", "the payload", "action", "the action"))
	id := a.text("id")
	_, token, _ := strings.Cut(sent.URL, "token=")
	f.call("app", "POST", "/v1/verifications/"+id+"/check", body("code", wrong(sent.Code, 0), "binding", secret), "X-Request-Id", "mine").is(422)
	yes := f.call("app", "POST", "/v1/services/login/check", body("token", token, "binding", secret)).is(200)
	f.call("app", "POST", "/v1/undo", body("undo", yes.text("undo"))).is(204)
	f.call("app", "POST", startLogin, `{"subject":"alice@example.com","alice":1}`).is(400)
	f.call("app", "GET", "/alice@example.com?alice=1", nil).is(404)
	f.admin("status", "login", "account-77").is(200)
	end := f.gone()
	f.check(id, sent.Code).is(422, "binding_mismatch")
	f.call("app", "GET", "/v1/verifications/"+id, nil).is(503)
	end()
	orders := (&walker{fixture: f}).accessToken("orders")
	f.pass("orders", orders).is(204)

	log := f.log.String()
	for _, hidden := range []string{"alice", "account-77", sent.Code, token, id, secret, "the payload", "the action", yes.text("undo"), orders, keys["app"], keys["vault"]} {
		require.NotContains(t, log, hidden)
	}
	require.Contains(t, log, `msg=call request_id=mine operation=check status=422 reason=code_mismatch caller=app service=login issue=`)
	require.Contains(t, log, `level=WARN msg=undecided`)
	for len(f.calls) > 0 {
		text := fmt.Sprintf("%+v", <-f.calls)
		for _, hidden := range []string{"alice", "account-77", sent.Code, token, id, secret} {
			require.NotContains(t, text, hidden)
		}
	}
}

func TestObserve_HearsOfEachCallAndMayPanic(t *testing.T) {
	t.Parallel()
	var heard []Call
	f := newFixture(t, func(c *Config) {
		c.ObserveCall = func(call Call) { heard = append(heard, call); panic("an observer") }
		c.Logger = nil
	})
	id, code := f.started("login", "alice@example.com")
	f.check(id, code, "X-Request-Id", "mine").is(200)
	f.call("", "GET", "/none", nil).is(404)
	require.Len(t, heard, 3)
	require.Positive(t, heard[1].Took)
	heard[1].Took = 0
	require.Equal(t, Call{Operation: "check", Caller: "app", Service: "login", Status: 200, RequestID: "mine", Issue: heard[0].Issue}, heard[1])
	require.Equal(t, "no_such_call", heard[2].Reason)
	require.Empty(t, heard[2].Operation)
}
