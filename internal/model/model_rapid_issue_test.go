package model

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
)

// issueSome makes issues of any kind, one or several to the same challenge.
func (m *machine) issueSome(t *rapid.T) {
	to := m.target(t)
	for range rapid.SampledFrom([]int{1, 1, 2, 4, 10}).Draw(t, "issues") {
		m.issueOne(t, to, rapid.SampledFrom([]string{"IssueOTP", "IssueToken", "IssueLink", "IssueLink with code"}).Draw(t, "kind"))
	}
}

// leftOut stands for a refusal of what the design leaves open: of two challenges of the same age either may give way.
var leftOut = refusal(errors.New("left out"))

// issueOne makes an issue of a kind and returns why it was refused.
func (m *machine) issueOne(t *rapid.T, to target, kind string) *onetime.DeniedError {
	p := to.by.policy
	q := request{
		subject: to.subject, binding: to.binding,
		code: kind == "IssueOTP" || kind == "IssueLink with code", token: kind != "IssueOTP",
	}
	m.last = place{p.Purpose, q.subject}
	if m.tied(m.last, q.binding) {
		return leftOut
	}
	var opts []onetime.IssueOption
	if q.binding != "" {
		opts = append(opts, onetime.WithBinding(q.binding))
	}
	var shown onetime.CallOption
	shown, q.known = browser(t, q.subject, q.binding)
	opts = append(opts, shown)
	q.ttl = p.OTPTTL
	if q.token {
		q.ttl = p.TokenTTL
	}
	if rapid.IntRange(0, 3).Draw(t, "shorter") == 3 {
		q.ttl = time.Duration(rapid.Int64Range(int64(10*time.Second), int64(q.ttl)).Draw(t, "ttl")).Truncate(time.Millisecond)
		opts = append(opts, onetime.WithTTL(q.ttl))
	}
	if n := rapid.SampledFrom([]int{0, 0, 9, 90, 900}).Draw(t, "payload"); n > 0 {
		q.payload = fmt.Sprintf("%*d", n, len(m.issues))
		opts = append(opts, onetime.WithPayload([]byte(q.payload)))
	}
	if q.decoy = rapid.IntRange(0, 7).Draw(t, "decoy") == 7; q.decoy {
		opts = append(opts, onetime.AsDecoy())
	}
	if kind == "IssueLink with code" {
		opts = append(opts, onetime.WithCode())
	}
	if q.tie = rapid.SampledFrom(ties).Draw(t, "tied to"); q.tie != "" && kind != "IssueToken" {
		opts = append(opts, onetime.WithRequest(q.tie))
	}
	if form := rapid.SampledFrom(forms).Draw(t, "form"); form != "" {
		method, _, _ := strings.Cut(kind, " ")
		q.group = method + " by " + form
		opts = append(opts, onetime.Idempotent(form))
	}
	fresh := &issue{}
	if q.code && !q.decoy {
		fresh.code = to.by.fixed[q.subject]
	}
	got, err := call(t, to.by, kind, spelled(t, q.subject), opts)
	fresh.id = base64.RawURLEncoding.EncodeToString([]byte(m.server.last.id))
	made, resendIn, denied := m.issue(to.by, q, fresh)
	m.keep(func(t *rapid.T, r reply) { m.lateIssue(t, r, to.by, q, fresh) })
	m.copies[len(m.copies)-1].open = func() bool { return m.tied(place{p.Purpose, q.subject}, q.binding) }
	t.Logf("%s by %s: %q, %q, %q, ttl %s, payload of %d, decoy %v, group %q, known %v: %v, model %v",
		kind, to.by.name, q.subject, q.binding, q.tie, q.ttl, len(q.payload), q.decoy, q.group, q.known, err, denied)
	if !m.same(t, kind, err, denied) {
		return denied
	}

	require.Equal(t, made.id, got.ID)
	if made != fresh {
		m.reissued(t, kind, made, got)
	} else {
		m.issued(t, to.by, made, got, q)
	}
	require.Equal(t, ms(resendIn), got.ResendIn)
	return nil
}

// reissued compares the answer to another sending of a form with the issue of the first.
func (m *machine) reissued(t *rapid.T, kind string, made *issue, got onetime.Link) {
	require.True(t, got.Repeated)
	require.Empty(t, got.Code+got.Token+got.URL, "secrets")
	require.Equal(t, m.lives(made.codeUntil), got.CodeExpiresIn)
	require.Equal(t, m.lives(made.tokenUntil), got.ExpiresIn)
	m.reached(kind + ": yes, repeated")
	if made.coded {
		m.reached(kind + ": yes, repeated with a code")
	}
	if made.quiet {
		m.reached("issue: repeats what was cancelled quietly")
	}
}

func (m *machine) lives(until int64) time.Duration { return ms(max(0, until-m.now)) }

// issued compares what was issued with the model's issue, and tells it the secrets.
func (m *machine) issued(t *rapid.T, by *instance, made *issue, got onetime.Link, q request) {
	require.False(t, got.Repeated)
	require.Equal(t, m.lives(made.codeUntil), got.CodeExpiresIn)
	require.Equal(t, m.lives(made.tokenUntil), got.ExpiresIn)
	require.Equal(t, made.codeUntil > 0 && !q.decoy, got.Code != "", "a code")
	require.Equal(t, made.tokenUntil > 0 && !q.decoy, got.Token != "", "a token")
	if fixed := by.fixed[q.subject]; fixed != "" && got.Code != "" {
		require.Equal(t, fixed, got.Code)
	}
	if got.URL != "" {
		require.Equal(t, linkBase+"?token="+got.Token, got.URL)
	}
	// A code that was withheld is in a late copy all the same: one that is fixed stays known.
	made.code, made.token = cmp.Or(got.Code, made.code), got.Token
	m.issues = append(m.issues, made)
}

// call makes an issue of any kind and returns it as a Link.
func call(t *rapid.T, by *instance, kind, subject string, opts []onetime.IssueOption) (onetime.Link, error) {
	switch kind {
	case "IssueOTP":
		o, err := by.IssueOTP(t.Context(), subject, opts...)
		return onetime.Link{Code: o.Code, ID: o.ID, CodeExpiresIn: o.ExpiresIn, ResendIn: o.ResendIn, Repeated: o.Repeated}, err
	case "IssueToken":
		o, err := by.IssueToken(t.Context(), subject, opts...)
		return onetime.Link{Token: o.Value, ID: o.ID, ExpiresIn: o.ExpiresIn, ResendIn: o.ResendIn, Repeated: o.Repeated}, err
	}
	return by.IssueLink(t.Context(), subject, opts...)
}

// tied reports whether an issue would make challenges give way and which is open, because two are of the same age.
func (m *machine) tied(p place, binding string) bool {
	r := m.at(p)
	if r == nil {
		return false
	}
	others := slices.DeleteFunc(m.waiting(r, binding), func(b string) bool { return m.over(r.challenges[b]) })
	n := len(others) + 1 - maxChallenges
	return n > 0 && m.givesWay(r.challenges[others[n-1]], r.challenges[others[n]]) == 0
}

// crowd issues under n bindings.
func (m *machine) crowd(t *rapid.T, n int) {
	to := m.target(t)
	for n := range n {
		to.binding = fmt.Sprintf("crowd %d", n)
		m.move(t, 1)
		if m.issueOne(t, to, rapid.SampledFrom([]string{"IssueOTP", "IssueToken"}).Draw(t, "kind")) != nil {
			return
		}
	}
}
