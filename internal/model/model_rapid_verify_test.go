package model

import (
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
)

func (m *machine) tryCode(t *rapid.T) {
	to := m.target(t)
	if rapid.IntRange(0, 19).Draw(t, "malformed") == 19 {
		_, err := to.by.VerifyOTP(t.Context(), to.subject, rapid.SampledFrom([]string{"", "12345", "1234567", "12345x"}).Draw(t, "typed"))
		m.same(t, "VerifyOTP", err, refusal(onetime.ErrMalformed))
		return
	}
	m.verifyOTP(t, to, m.code(t, to))
}

// useLive shows a secret of a live issue, which may have been used.
func (m *machine) useLive(t *rapid.T) {
	live := slices.DeleteFunc(slices.Clone(m.issues), func(i *issue) bool { return !m.stored(i) })
	if len(live) == 0 {
		t.Skip("nothing to use")
	}
	i := live[len(live)-1-rapid.IntRange(0, len(live)-1).Draw(t, "of issue")]
	by := rapid.SampledFrom(m.of(i.purpose)).Draw(t, "instance")
	switch {
	case i.code != "" && (i.token == "" || rapid.Bool().Draw(t, "code")):
		m.verifyOTP(t, target{by, i.subject, i.binding}, i.code)
	case i.token != "":
		m.showToken(t, "VerifyToken", by, i, presentation{binding: i.binding})
	}
}

// guess tries wrong codes in a row, and asks for a new one where none is evaluated. With patience it also waits.
func (m *machine) guess(t *rapid.T, tries int, patient bool) {
	to := m.target(t)
	for n := range tries {
		denied := m.verifyOTP(t, to, wrongCode(n%20))
		switch {
		case denied == nil || denied.Reason == onetime.ErrDisabled:
			return
		case denied.Reason == onetime.ErrMismatch:
		case denied.Reason == onetime.ErrLocked && patient:
			m.move(t, denied.RetryAfter.Milliseconds())
		case m.issueOne(t, to, "IssueOTP") != nil:
			return
		}
	}
}

func (m *machine) verifyOTP(t *rapid.T, to target, code string) *onetime.DeniedError {
	var opts []onetime.VerifyOption
	if to.binding != "" {
		opts = append(opts, onetime.WithBinding(to.binding))
	}
	m.calls++
	m.last = place{to.by.policy.Purpose, to.subject}
	got, err := to.by.VerifyOTP(t.Context(), spelled(t, to.subject), typed(t, code), opts...)
	found, denied := m.verifyCode(to.by, to.subject, to.binding, code, m.calls)
	t.Logf("VerifyOTP by %s: %q, %q, %s: %v, model %v", to.by.name, to.subject, to.binding, code, err, denied)
	if m.same(t, "VerifyOTP", err, denied) {
		m.proved(t, "VerifyOTP", got, found, to.by, m.calls, code == to.by.fixed[to.subject])
		return nil
	}
	if denied.Reason == onetime.ErrMismatch {
		m.mismatched(to, code, denied)
	}
	return denied
}

// mismatched counts the kinds of a wrong code.
func (m *machine) mismatched(to target, code string, denied *onetime.DeniedError) {
	if denied.AttemptsLeft == 0 {
		m.reached("VerifyOTP: mismatch, the last attempt")
	}
	if denied.RetryAfter > 0 {
		m.reached("VerifyOTP: mismatch, and locked")
	}
	if slices.ContainsFunc(m.issues, func(i *issue) bool {
		return i.place == m.last && i.binding == to.binding && i.code == code
	}) {
		m.reached("VerifyOTP: mismatch, of a replaced code")
	}
}

func (m *machine) tryToken(t *rapid.T) {
	told := slices.DeleteFunc(slices.Clone(m.issues), func(i *issue) bool { return i.token == "" })
	if len(told) == 0 {
		t.Skip("no token yet")
	}
	i := recent(t, "token of issue", told)
	by := m.instanceOf(t, i.purpose)
	op := rapid.SampledFrom([]string{"VerifyToken", "InspectToken"}).Draw(t, "op")
	if rapid.IntRange(0, 7).Draw(t, "altered") == 7 {
		m.showAltered(t, op, by, i)
		return
	}
	shown := presentation{binding: i.binding}
	if how := rapid.SampledFrom([]string{"right", "right", "other", "ignored"}).Draw(t, "binding"); how != "right" {
		shown.binding = rapid.SampledFrom(bindings).Draw(t, "shown")
		shown.foreign = how == "ignored"
	}
	if rapid.IntRange(0, 3).Draw(t, "subject") == 3 {
		shown.subject = rapid.SampledFrom(subjects).Draw(t, "expected")
	}
	m.showToken(t, op, by, i, shown)
}

func (m *machine) showToken(t *rapid.T, op string, by *instance, i *issue, shown presentation) {
	var opts []onetime.VerifyOption
	if shown.binding != "" {
		opts = append(opts, onetime.WithBinding(shown.binding))
	}
	if shown.foreign {
		opts = append(opts, onetime.IgnoreBinding())
	}
	if shown.subject != "" {
		opts = append(opts, onetime.WithSubject(spelled(t, shown.subject)))
	}
	m.calls++
	verify, call := by.VerifyToken, m.calls
	if op == "InspectToken" {
		verify, call = by.InspectToken, 0
	}
	m.last = i.place
	got, err := verify(t.Context(), i.token, opts...)
	denied := m.verifyToken(by, i, shown, call)
	t.Logf("%s by %s: of %s, %q, %q, %+v: %v, model %v", op, by.name, i.purpose, i.subject, i.binding, shown, err, denied)
	if m.same(t, op, err, denied) {
		m.proved(t, op, got, i, by, call, false)
		if shown.binding != i.binding {
			m.reached(op + ": yes, with another binding")
		}
	}
}

// showAltered shows a token that somebody has altered.
func (m *machine) showAltered(t *rapid.T, op string, by *instance, i *issue) {
	altered, reason := []byte(i.token), onetime.ErrMalformed
	switch rapid.IntRange(0, 2).Draw(t, "how") {
	case 0:
		altered = altered[1:]
	case 1:
		altered[rapid.IntRange(0, len(altered)-1).Draw(t, "at")] = '.'
	case 2:
		reason = onetime.ErrMismatch
		at := rapid.IntRange(2, len(altered)-1).Draw(t, "at") // behind the version
		altered[at] = map[bool]byte{true: 'B', false: 'A'}[altered[at] == 'A']
	}
	verify := by.VerifyToken
	if op == "InspectToken" {
		verify = by.InspectToken
	}
	_, err := verify(t.Context(), string(altered))
	t.Logf("%s by %s: altered: %v", op, by.name, err)
	m.same(t, op, err, refusal(reason))
}

// proved compares a Verification with the issue that it is of.
func (m *machine) proved(t *rapid.T, op string, got onetime.Verification, i *issue, by *instance, call int, fixed bool) {
	require.Equal(t, []any{i.subject, i.purpose, i.id, i.payload, moment(i.at), fixed},
		[]any{got.Subject, got.Purpose, got.ID, string(got.Payload), got.IssuedAt, got.FixedCode})
	m.proofs = append(m.proofs, &proof{got, by, i, call})
	for what, so := range map[string]bool{
		"under a key that is not the first":  i.key != by.ring[0],
		"of an older issue":                  i != m.records[i.place].challenges[i.binding].issues[0],
		"with a payload":                     i.payload != "",
		"of a fixed code":                    fixed,
		"after an Undo":                      i.undone,
		"dead before the clock stepped back": i.dead,
	} {
		if so {
			m.reached(op + ": yes, " + what)
		}
	}
}

func (m *machine) undoOne(t *rapid.T) {
	if len(m.proofs) == 0 {
		t.Skip("nothing verified yet")
	}
	proofs := slices.DeleteFunc(slices.Clone(m.proofs), func(p *proof) bool { return !m.stored(p.issue) })
	if len(proofs) == 0 || rapid.IntRange(0, 4).Draw(t, "ended") == 4 {
		proofs = m.proofs
	}
	p := recent(t, "proof", proofs)
	err := p.Undo(t.Context())
	if p.call == 0 {
		require.ErrorIs(t, err, onetime.ErrInvalid)
		m.reached("Undo: of an inspection")
		return
	}
	op := "Undo again"
	if m.usedBy(p.issue) == p.call {
		op = "Undo"
	}
	m.last = p.issue.place
	denied := m.undo(p.by, p.issue, p.call)
	t.Logf("Undo by %s: of call %d, %q, %q: %v, model %v", p.by.name, p.call, p.issue.subject, p.issue.binding, err, denied)
	m.same(t, op, err, denied)
}
