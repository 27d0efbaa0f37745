package api

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

func (f *fixture) admin(call, service, subject string) answer {
	f.Helper()
	return f.call("support", "POST", "/v1/admin/"+service+"/"+call, body("subject", subject))
}

func TestAdmin_StatusTellsAllThatIsKnown(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		a := f.admin("status", "login", "Alice@example.com").is(200)
		require.Empty(t, a.field("pending"))
		id, code := f.started("login", "alice@example.com")
		f.check(id, wrong(code, 0)).is(422)
		a = f.admin("status", "login", "Alice@example.com").is(200)
		require.Equal(t, 1.0, a.field("failures"))
		pending := a.field("pending").([]any)[0].(map[string]any)
		require.Equal(t, true, pending["code"])
		require.Equal(t, 1.0, pending["attempts_left"])
		who, err := f.manager["login"].Pseudonym("alice@example.com")
		require.NoError(t, err)
		require.Equal(t, who, a.text("pseudonym"))
		call := <-f.calls
		for call.Operation != "start" {
			call = <-f.calls
		}
		require.Equal(t, call.Issue, pending["issue"], "the log leads to it")
	})
}

func TestAdmin_RevokeUnlockAndErase(t *testing.T) {
	t.Parallel()
	eachBackend(t, func(t *testing.T, f *fixture) {
		id, code := f.started("login", "alice@example.com")
		f.admin("revoke", "login", "alice@example.com").is(204)
		f.check(id, code).is(404, "not_found")

		id, code = f.started("tight", "alice@example.com")
		f.check(id, wrong(code, 0)).is(422)
		f.check(id, wrong(code, 1)).is(422)
		f.check(id, code).is(429, "codes_locked")
		f.admin("unlock", "tight", "alice@example.com").is(204)
		f.check(id, code).is(200)

		id, code = f.started("login", "alice@example.com")
		f.admin("erase", "login", "alice@example.com").is(204)
		f.check(id, code).is(404, "not_found")
		require.Empty(t, f.admin("status", "login", "alice@example.com").field("pending"))
	})
}

func TestAdmin_ExplainSaysWhatMattersMostAndNamesNobody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := &walker{fixture: f}
	explain := func(service, subject string) string {
		sentence := f.admin("explain", service, subject).is(200).text("sentence")
		require.NotContains(t, sentence, "@")
		return sentence
	}
	require.Equal(t, "Nothing is pending: the person can ask for a new message at once.", explain("login", "alice@example.com"))
	_, _, locked := w.locked()
	require.Equal(t, "Codes are locked after too many wrong ones: no code is looked at or sent for another 30 minutes, and links work as ever.", explain("tight", locked))
	_, _, disabled := w.disabled()
	require.Equal(t, "Codes are disabled after 100 wrong codes in a row: send a link, or unlock once the person has proved by other means who they are.", explain("login", disabled))
	f.started("slow", "bob@example.com")
	require.Equal(t, "A code was issued 0 seconds ago and is good for another 5 minutes; it takes 5 wrong codes more; the next message can be sent in 60 minutes.", explain("slow", "bob@example.com"))
}

func TestExplain_EverySentenceIsOne(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	code := onetime.Pending{Code: true, AttemptsLeft: 1, IssuedAt: now.Add(-90 * time.Second), ExpiresIn: 200 * time.Second}
	link := onetime.Pending{Token: true, IssuedAt: now.Add(time.Second), ExpiresIn: 50 * time.Hour}
	both := onetime.Pending{Token: true, Code: true, AttemptsLeft: 3, IssuedAt: now, ExpiresIn: 3 * time.Hour}
	used := code
	used.Used = true
	for want, s := range map[string]onetime.Status{
		"Nothing is pending, and the next message can be sent in 1 second.": {SendIn: time.Millisecond},
		"A code was issued 90 seconds ago and is good for another 4 minutes; it takes 1 wrong code more; one other is pending from before; the next message can be sent at once.":                 {Pending: []onetime.Pending{code, link}},
		"A link or token was issued 0 seconds ago and is good for another 3 days; the next message can be sent at once.":                                                                          {Pending: []onetime.Pending{link}},
		"A link with a code was issued 0 seconds ago and is good for another 3 hours; it takes 3 wrong codes more; 2 others are pending from before; the next message can be sent in 61 seconds.": {Pending: []onetime.Pending{both, code, link}, SendIn: time.Minute + 1},
		"A code was issued 90 seconds ago and was used: the person asks for a new one.":                                                                                                           {Pending: []onetime.Pending{used}},
	} {
		require.Equal(t, want, sentence(s, now))
	}
}
