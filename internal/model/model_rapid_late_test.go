package model

import (
	"encoding/base64"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
)

// A late is a copy of a command that a client gave up on: Redis runs it later, and nobody sees the answer but the test.
type late struct {
	*sent
	judge func(*rapid.T, reply) // lets the model judge the call once more, and compares
	open  func() bool           // reports whether the design leaves the outcome open now; nil for never
}

// A reply is what a script says, without the id of the call.
type reply struct {
	status string
	values []any
}

// statuses are named as refusals are. The scripts number them from 1.
var statuses = []string{"yes", "mismatch", "not found", "used", "exhausted", "throttled", "locked", "disabled"}

// keep takes a copy of the command of the last call.
func (m *machine) keep(judge func(*rapid.T, reply)) {
	m.copies = append(m.copies, late{sent: m.server.last, judge: judge})
}

// called notes the id of the last call, and returns the call.
func (m *machine) called() int {
	m.names[m.calls] = base64.RawURLEncoding.EncodeToString([]byte(m.server.last.id))
	return m.calls
}

func (m *machine) runLate(t *rapid.T) {
	if len(m.copies) == 0 {
		t.Skip("nothing sent yet")
	}
	one := recent(t, "copy", m.copies[max(0, len(m.copies)-40):])
	if one.open != nil && one.open() {
		t.Skip("left out")
	}
	values, err := one.run().Slice()
	require.NoError(t, err)
	require.Equal(t, one.id, values[0])
	r := reply{statuses[values[1].(int64)-1], values[2:]}
	t.Logf("late copy of %x: %s %q", one.id, r.status, r.values)
	// What a script leaves out stands for this call: of an issue whose it is, of a use that it was not here before.
	switch len(r.values) {
	case 2:
		if r.status == "yes" {
			r.values = append(r.values, one.id)
		}
	case 4:
		r.values = append(r.values, one.id, int64(0))
	}
	one.judge(t, r)
}

// is wants the status that the model answers with.
func (r reply) is(t *rapid.T, want *onetime.DeniedError) {
	if want == nil {
		require.Equal(t, "yes", r.status)
		return
	}
	require.Equal(t, reasons[want.Reason], r.status)
}

func (m *machine) lateIssue(t *rapid.T, r reply, by *instance, q request, i *issue) {
	m.last = place{by.policy.Purpose, q.subject}
	before := *i
	made, wait, denied := m.issue(by, q, i)
	r.is(t, denied)
	switch {
	case denied != nil:
		m.reached("late issue: " + r.status)
		return
	case made != i:
		m.reached("late issue: yes, of another sending")
	case *i == before:
		m.reached("late issue: yes, known")
	case !slices.Contains(m.issues, i):
		m.reached("late issue: yes, refused at first")
		m.issues = append(m.issues, i)
	default:
		m.reached("late issue: yes, forgotten")
	}
	coded := int64(0)
	if made.coded {
		coded = 1
	}
	id, err := base64.RawURLEncoding.DecodeString(made.id)
	require.NoError(t, err)
	require.Equal(t, []any{coded, wait, string(id)}, r.values[:3])
}

func (m *machine) lateVerification(t *rapid.T, r reply, s success, denied *onetime.DeniedError) {
	r.is(t, denied)
	if denied != nil {
		m.reached("late verification: " + r.status)
		return
	}
	m.last = s.issue.place
	name := func(encoded string) string {
		id, err := base64.RawURLEncoding.DecodeString(encoded)
		require.NoError(t, err)
		return string(id)
	}
	repeated := int64(0)
	if s.repeated {
		repeated = 1
	}
	require.Equal(t, []any{name(s.issue.id), s.issue.at, name(m.names[s.call]), repeated},
		[]any{r.values[0], r.values[1], r.values[4], r.values[5]})
	m.reached("late verification: yes")
}
