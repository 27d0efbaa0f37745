package model

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
)

// issueSome makes issues of any kind, one or several to the same challenge.
func (m *machine) issueSome(t *rapid.T) {
	to := m.target(t)
	for range rapid.SampledFrom([]int{1, 1, 2, 4}).Draw(t, "issues") {
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
	got, err := call(t, to.by, kind, spelled(t, q.subject), opts)
	made, resendIn, denied := m.issue(to.by, q)
	t.Logf("%s by %s: %q, %q, ttl %s, payload of %d, decoy %v: %v, model %v",
		kind, to.by.name, q.subject, q.binding, q.ttl, len(q.payload), q.decoy, err, denied)
	if !m.same(t, kind, err, denied) {
		return denied
	}

	m.issued(t, to.by, made, got, q)
	require.Equal(t, ms(resendIn), got.ResendIn)
	return nil
}

// issued compares what was issued with the model's issue, and tells it the secrets.
func (m *machine) issued(t *rapid.T, by *instance, made *issue, got onetime.Link, q request) {
	lives := func(until int64) time.Duration { return ms(max(0, until-m.now)) }
	require.Equal(t, lives(made.codeUntil), got.CodeExpiresIn)
	require.Equal(t, lives(made.tokenUntil), got.ExpiresIn)
	require.Equal(t, made.codeUntil > 0 && !q.decoy, got.Code != "", "a code")
	require.Equal(t, made.tokenUntil > 0 && !q.decoy, got.Token != "", "a token")
	if fixed := by.fixed[q.subject]; fixed != "" && got.Code != "" {
		require.Equal(t, fixed, got.Code)
	}
	if got.URL != "" {
		require.Equal(t, linkBase+"?token="+got.Token, got.URL)
	}
	made.id, made.code, made.token = got.ID, got.Code, got.Token
	m.issues = append(m.issues, made)
}

// call makes an issue of any kind and returns it as a Link.
func call(t *rapid.T, by *instance, kind, subject string, opts []onetime.IssueOption) (onetime.Link, error) {
	switch kind {
	case "IssueOTP":
		o, err := by.IssueOTP(t.Context(), subject, opts...)
		return onetime.Link{Code: o.Code, ID: o.ID, CodeExpiresIn: o.ExpiresIn, ResendIn: o.ResendIn}, err
	case "IssueToken":
		o, err := by.IssueToken(t.Context(), subject, opts...)
		return onetime.Link{Token: o.Value, ID: o.ID, ExpiresIn: o.ExpiresIn, ResendIn: o.ResendIn}, err
	}
	return by.IssueLink(t.Context(), subject, opts...)
}

// tied reports whether an issue would make a challenge give way and which is open, because two are of the same age.
func (m *machine) tied(p place, binding string) bool {
	r := m.at(p)
	if r == nil || r.challenges[binding] != nil {
		return false
	}
	return len(r.challenges) == maxChallenges && len(r.oldest()) > 1
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

func (m *machine) cancelOne(t *rapid.T) {
	if len(m.issues) == 0 {
		t.Skip("nothing issued yet")
	}
	i := recent(t, "issue", m.issues)
	id, subject, what := i.id, i.subject, "nothing"
	switch rapid.IntRange(0, 9).Draw(t, "unknown") {
	case 8:
		id = base64.RawURLEncoding.EncodeToString([]byte("id of nobody"))
	case 9:
		subject = rapid.SampledFrom(subjects).Draw(t, "subject")
	default:
		if m.stored(i) {
			what = m.state(i)
		}
	}
	by := m.instanceOf(t, i.purpose)
	err := by.Cancel(t.Context(), spelled(t, subject), id)
	m.last = place{by.policy.Purpose, subject}
	m.revoke(m.last, id)
	t.Logf("Cancel by %s: %q, %s: %v", by.name, subject, id, err)
	require.NoError(t, err)
	m.reached("Cancel: " + what)
}

func (m *machine) revokeAll(t *rapid.T) {
	to := m.target(t)
	m.last = place{to.by.policy.Purpose, to.subject}
	what := "nothing"
	for _, i := range m.issues {
		if i.place == m.last && m.stored(i) {
			what = m.state(i)
		}
	}
	err := to.by.Revoke(t.Context(), spelled(t, to.subject))
	m.revoke(m.last, "")
	t.Logf("Revoke by %s: %q: %v", to.by.name, to.subject, err)
	require.NoError(t, err)
	m.reached("Revoke: " + what)
}

// stored reports whether an issue is in its record and may verify or be given back.
func (m *machine) stored(i *issue) bool {
	r := m.at(i.place)
	return r != nil && r.challenges[i.binding] != nil && slices.Contains(r.challenges[i.binding].issues, i) && m.live(i)
}

// state names what a stored issue is.
func (m *machine) state(i *issue) string {
	if m.usedBy(i) != 0 {
		return "used"
	}
	return "live"
}

func (m *machine) unlockOne(t *rapid.T) {
	to := m.target(t)
	m.last = place{to.by.policy.Purpose, to.subject}
	what := "nothing"
	if r := m.at(m.last); r != nil {
		if m.waits(r.sends, to.by.policy.SendLimits) > 0 {
			what = "throttled"
		}
		if denied := m.noCodes(r, to.by.policy); denied != nil {
			what = reasons[denied.Reason]
		}
	}
	err := to.by.Unlock(t.Context(), spelled(t, to.subject))
	m.unlock(m.last)
	t.Logf("Unlock by %s: %q: %v", to.by.name, to.subject, err)
	require.NoError(t, err)
	m.reached("Unlock: " + what)
}
