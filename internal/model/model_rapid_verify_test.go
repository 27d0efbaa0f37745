package model

import (
	"slices"

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
	code, requests := m.code(t, to)
	m.verifyOTP(t, to, code, requests, rapid.SampledFrom(forms).Draw(t, "form"))
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
		m.verifyOTP(t, target{by, i.subject, i.binding}, i.code, requests(t, i.request), rapid.SampledFrom(forms).Draw(t, "form"))
	case i.token != "":
		m.showToken(t, "VerifyToken", by, i, presentation{binding: i.binding, group: rapid.SampledFrom(forms).Draw(t, "form")})
	}
}

// guess tries wrong codes in a row, and asks for a new one where none is evaluated. With patience it also waits.
func (m *machine) guess(t *rapid.T, tries int, patient bool) {
	to := m.target(t)
	shown, known := browser(t, to.subject, to.binding)
	for n := range tries {
		denied := m.verifyWith(t, to, wrongCode(n%20), []string{""}, "", shown, known)
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

func (m *machine) verifyOTP(t *rapid.T, to target, code string, requests []string, form string) *onetime.DeniedError {
	shown, known := browser(t, to.subject, to.binding)
	return m.verifyWith(t, to, code, requests, form, shown, known)
}

func (m *machine) verifyWith(t *rapid.T, to target, code string, requests []string, form string, credential onetime.CallOption, known bool) *onetime.DeniedError {
	opts := []onetime.VerifyOption{credential}
	if requests[0] != "" {
		opts = append(opts, onetime.WithRequest(requests...))
	}
	shown := typedCode{to.subject, to.binding, code, requests, "", known}
	if form != "" {
		opts = append(opts, onetime.Idempotent(form))
		shown.group = code + " by " + form
	}
	if to.binding != "" {
		opts = append(opts, onetime.WithBinding(to.binding))
	}
	m.calls++
	m.last = place{to.by.policy.Purpose, to.subject}
	got, err := to.by.VerifyOTP(t.Context(), spelled(t, to.subject), typed(t, code), opts...)
	call := m.called()
	found, denied := m.verifyCode(to.by, shown, call)
	m.keep(func(t *rapid.T, r reply) {
		again, denied := m.verifyCode(to.by, shown, call)
		m.lateVerification(t, r, again, denied)
	})
	t.Logf("VerifyOTP by %s: %+v: %v, model %v", to.by.name, shown, err, denied)
	if m.same(t, "VerifyOTP", err, denied) {
		m.proved(t, "VerifyOTP", got, found, to.by, code == to.by.fixed[to.subject], func(t *rapid.T) {
			m.verifyWith(t, to, code, requests, form, credential, known)
		})
		if requests[0] != "" {
			m.reached("VerifyOTP: yes, under a request")
		}
		if requests[0] != found.issue.request {
			m.reached("VerifyOTP: yes, under a request that is not the first")
		}
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
	if op == "VerifyToken" {
		shown.group = rapid.SampledFrom(forms).Draw(t, "form")
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
	said := shown
	if shown.group != "" {
		opts = append(opts, onetime.Idempotent(shown.group))
		shown.group = i.id + " by " + shown.group
	}
	verify := by.VerifyToken
	if op == "InspectToken" {
		verify = by.InspectToken
	}
	m.calls++
	m.last, m.server.last = i.place, nil
	got, err := verify(t.Context(), i.token, opts...)
	call := 0
	if op == "VerifyToken" && m.server.last != nil {
		call = m.called()
	}
	found, denied := m.verifyToken(by, i, shown, call)
	if call != 0 {
		m.keep(func(t *rapid.T, r reply) {
			again, denied := m.verifyToken(by, i, shown, call)
			m.lateVerification(t, r, again, denied)
		})
	}
	t.Logf("%s by %s: of %s, %q, %q, %+v: %v, model %v", op, by.name, i.purpose, i.subject, i.binding, shown, err, denied)
	if m.same(t, op, err, denied) {
		m.proved(t, op, got, found, by, false, func(t *rapid.T) { m.showToken(t, op, by, i, said) })
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
