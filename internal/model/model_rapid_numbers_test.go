package model

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

func TestNumbers_SameAnswersOnMiniredis(t *testing.T) { sameNumbers(t, newMiniredis(t), 50, false) }
func TestNumbers_SameAnswersOnRedis(t *testing.T)     { sameNumbers(t, newRedis(t), 400, true) }

// wantedNumbers is what a run must reach.
var wantedNumbers = []string{
	"numbers: yes", "numbers: yes, repeated", "numbers: yes, not the first match", "numbers: yes, after an Undo",
	"numbers: yes, again, since Redis and the write were lost",
	"numbers: mismatch", "numbers: mismatch, and disabled", "numbers: not found", "numbers: not found, undone", "numbers: used",
	"numbers: used, by the row alone", "numbers: used, by Redis alone", "numbers: locked", "numbers: disabled", "numbers: clock",
	"numbers: a step outside the window", "numbers: one that is over goes", "numbers: the oldest of 16 goes", "numbers: Redis lost",
	"numbers: a write lost", "numbers: forgotten", "late numbers: yes", "late numbers: mismatch", "late numbers: used",
	"late numbers: clock", "Undo of a number: yes", "Undo of a number: used", "Undo of a number: not found",
}

// A numberMachine makes the same calls of once and of the ledger and compares what they say.
type numberMachine struct {
	*ledger
	server    *server
	instances []*instance
	rows      map[owned]int64 // of the caller's table: what of a secret is used
	spent     map[number]spent
	lost      int                // how often Redis was
	crowds    map[place]int      // secrets of crowds
	uses      map[place][]usedAt // secrets that were used, one after the other
	calls     int
	names     map[int]string // ids of calls
	proofs    []numberProof
	copies    []lateNumber
	last      place
	latest    int64 // that the clock ever said: what was forgotten then stays so where it steps back
}

// An owned secret is one of a person.
type owned struct {
	place
	secret string
}

type number struct {
	owned
	number int64
}

// A spent number was used up by a call, and who may know of that.
type spent struct {
	call, lost, uses int
	at               int64
	written          bool
}

type numberProof struct {
	place
	by    *instance
	use   once.Use
	call  int
	again func(*rapid.T)
}

type lateNumber struct {
	*sent
	place
	judge func(t *rapid.T, status int64, values []any)
}

var numberActions = []struct {
	name   string
	weight int
	do     func(*numberMachine, *rapid.T)
}{
	{"use", 10, func(m *numberMachine, t *rapid.T) { m.show(t, false) }},
	{"undo", 4, (*numberMachine).undoOne},
	{"again", 4, (*numberMachine).sendAgain},
	{"late", 5, (*numberMachine).runLate},
	{"guess", 3, func(m *numberMachine, t *rapid.T) {
		m.guess(t, rapid.SampledFrom([]int{1, 3, 7}).Draw(t, "tries"), false)
	}},
	{"step back", 1, (*numberMachine).stepBack},
	{"wait", 2, (*numberMachine).wait},
	{"edge", 3, (*numberMachine).waitEdge},
	{"crowd", 1, (*numberMachine).crowd},
	{"unlock", 1, (*numberMachine).unlockOne},
	{"flush", 2, (*numberMachine).flush},
}

func sameNumbers(t *testing.T, s *server, checks int, all bool) {
	usual := setFlag(t, "rapid.checks", "100", checks)
	usual = setFlag(t, "rapid.steps", "30", 60) && usual
	all = all && usual && !testing.Short()
	reached := outcomes{}
	missing := func() []string {
		return slices.DeleteFunc(slices.Clone(wantedNumbers), func(what string) bool { return reached[what] > 0 })
	}
	for range 20 {
		rapid.Check(t, func(t *rapid.T) {
			s.empty(t)
			newNumberMachine(s, reached.count).run(t)
		})
		if !all || len(missing()) == 0 {
			break
		}
	}
	t.Logf("reached: %v", reached)
	if all {
		require.Empty(t, missing(), "never reached")
	}
}

func newNumberMachine(s *server, reached func(what string)) *numberMachine {
	return &numberMachine{
		ledger: &ledger{model: &model{now: s.now, reached: reached}, accounts: map[place]*account{}}, server: s,
		rows: map[owned]int64{}, spent: map[number]spent{}, crowds: map[place]int{}, uses: map[place][]usedAt{}, names: map[int]string{},
	}
}

func (m *numberMachine) run(t *rapid.T) {
	first := rapid.SampledFrom([]string{"nothing", "nothing", "nothing", "nothing", "disable"}).Draw(t, "first")
	m.instances = drawInstances(t, m.server, first != "nothing")
	m.server.repeat = rapid.Bool().Draw(t, "each command twice")
	if first == "disable" {
		m.guess(t, strangersDisabledAt+2, true)
	}
	steps := map[string]func(*rapid.T){"": m.compare}
	for _, a := range numberActions {
		for range a.weight {
			steps[fmt.Sprintf("%02d %s", len(steps), a.name)] = func(t *rapid.T) { a.do(m, t) }
		}
	}
	t.Repeat(steps)
}

// numbers draws those that a code matches, none for a wrong one. Of one secret two may match.
func (m *numberMachine) numbers(t *rapid.T, p place, free bool) (all []once.Number) {
	back, ahead := rapid.IntRange(0, 2).Draw(t, "back"), rapid.IntRange(0, 2).Draw(t, "ahead")
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3, 0}).Draw(t, "matches") {
		kinds := []string{once.Step, once.Step, once.Counter, once.Index}
		if free {
			kinds = []string{once.Index}
		}
		n := once.Number{Kind: rapid.SampledFrom(kinds).Draw(t, "kind")}
		n.Secret = n.Kind + rapid.SampledFrom([]string{"secret1", "secret2"}).Draw(t, "secret")
		n.Used = m.rows[owned{p, n.Secret}]
		switch n.Kind {
		case once.Step:
			n.Period = map[bool]time.Duration{true: 30 * time.Second, false: 15 * time.Second}[n.Secret == "tsecret1"]
			n.Back, n.Ahead = back, ahead
			n.Number = m.now/1000/int64(n.Period/time.Second) + rapid.Int64Range(-3, 3).Draw(t, "beside")
		case once.Counter:
			n.Number = max(0, n.Used+rapid.Int64Range(-2, 2).Draw(t, "beside"))
		case once.Index:
			n.Number = rapid.Int64Range(0, 5).Draw(t, "index")
		}
		all = append(all, n)
	}
	return all
}

func (m *numberMachine) show(t *rapid.T, wrong bool) {
	by := rapid.SampledFrom(m.instances).Draw(t, "instance")
	c := judged{place: place{by.policy.Purpose, rapid.SampledFrom(subjects).Draw(t, "subject")}, local: m.now}
	c.mode = rapid.SampledFrom([]string{once.Verify, once.Verify, once.Verify, once.Confirm, once.Free}).Draw(t, "mode")
	if !wrong {
		c.numbers = m.numbers(t, c.place, c.mode == once.Free)
	} else {
		c.mode = once.Verify
	}
	for _, n := range c.numbers {
		c.timed = c.timed || n.Kind == once.Step
	}
	if c.timed {
		c.local += rapid.SampledFrom([]int64{0, 0, 0, 0, 0, -skewed, skewed, skewed + 1, -skewed - 1, 160_000}).Draw(t, "skew")
	}
	if form := rapid.SampledFrom(forms).Draw(t, "form"); form != "" {
		c.group = fmt.Sprintf("%.12s", fmt.Sprintf("%x", form[len(form)-18:]))
	}
	m.ask(t, by, c)
}

// ask makes a call.
func (m *numberMachine) ask(t *rapid.T, by *instance, c judged) *onetime.DeniedError {
	m.unique(t, c.place)
	m.calls++
	m.last = c.place
	_, challenge, err := core.Of(by.Manager).Challenge(c.subject, "")
	require.NoError(t, err)
	call := once.Call{Op: "Verify", Mode: c.mode, Challenge: challenge, Group: c.group, Numbers: c.numbers}
	if c.timed {
		call.Local = moment(c.local)
	}
	made, err := once.Run(t.Context(), core.Of(by.Manager), call)
	number := m.calls
	m.names[number] = m.server.last.id
	want, denied, clock := m.judge(by, c, number)
	m.copies = append(m.copies, lateNumber{m.server.last, c.place, func(t *rapid.T, status int64, values []any) {
		want, denied, clock := m.judge(by, c, number)
		m.lateAnswer(t, status, values, want, denied, clock)
	}})
	t.Logf("%s by %s: %+v: %+v, %v, model %+v, %v", call.Op, by.name, c, made, err, want, denied)
	switch {
	case clock:
		require.ErrorIs(t, err, fault.ErrClock)
		m.reached("numbers: clock")
		return nil
	case denied != nil:
		var got *onetime.DeniedError
		require.True(t, errors.As(err, &got), "%v, want %v", err, denied)
		require.Equal(t, denied, got)
		m.reached("numbers: " + reasons[denied.Reason])
		if denied.Reason == onetime.ErrUsed {
			m.usedBy(c)
		}
		return denied
	}
	require.NoError(t, err)
	require.Equal(t, once.Use{
		Number: c.numbers[want.match], Match: want.match, At: moment(want.at), Call: m.names[want.call], Repeated: want.repeated,
	}, made)
	m.yes(t, by, c, made, want)
	return nil
}

// usedBy counts by whose knowledge alone a number is refused.
func (m *numberMachine) usedBy(c judged) {
	for _, n := range c.numbers {
		known := int64(0)
		if a := m.of(c.place); a != nil && a.secrets[n.Secret] != nil {
			known = a.secrets[n.Secret].used
		}
		switch row, redis := takenBy(n.Kind, n.Number, n.Used), takenBy(n.Kind, n.Number, known); {
		case row && !redis:
			m.reached("numbers: used, by the row alone")
		case redis && !row:
			m.reached("numbers: used, by Redis alone")
		}
	}
}

// A usedAt is a use of a secret, by Redis's clock.
type usedAt struct {
	secret string
	at     int64
}

// yes holds a success against rule 15, whatever the ledger says, and writes the row, as a rule.
func (m *numberMachine) yes(t *rapid.T, by *instance, c judged, made once.Use, want taken) {
	n := made.Number
	key := number{owned{c.place, n.Secret}, n.Number}
	before, twice := m.spent[key]
	switch {
	case want.repeated:
		m.reached("numbers: yes, repeated")
	case twice:
		others := map[string]bool{}
		for i, use := range m.uses[c.place] { // where the clock stepped back, what was used before it is the younger
			if i >= before.uses || use.at >= before.at {
				others[use.secret] = true
			}
		}
		gone := before.lost < m.lost || len(others) >= maxSecrets || max(m.now, m.latest)-before.at >= kept(n.Kind)
		require.True(t, gone && !before.written, "a number was used twice: %+v", before)
		m.reached("numbers: yes, again, since Redis and the write were lost")
	default:
		m.reached("numbers: yes")
	}
	if made.Match > 0 {
		m.reached("numbers: yes, not the first match")
	}
	if a := m.of(c.place); a.secrets[n.Secret].undone != 0 {
		m.reached("numbers: yes, after an Undo")
	}
	written := rapid.IntRange(0, 3).Draw(t, "write lost") > 0
	if written {
		row := owned{c.place, n.Secret}
		if n.Kind == once.Index {
			m.rows[row] |= 1 << n.Number
		} else {
			m.rows[row] = max(m.rows[row], n.Number+1)
		}
	} else {
		m.reached("numbers: a write lost")
	}
	if !want.repeated || !twice {
		m.uses[c.place] = append(m.uses[c.place], usedAt{n.Secret, want.at})
		m.spent[key] = spent{call: want.call, lost: m.lost, uses: len(m.uses[c.place]), at: want.at}
	}
	s := m.spent[key]
	s.written = s.written || written
	m.spent[key] = s
	m.proofs = append(m.proofs, numberProof{c.place, by, made, want.call, func(t *rapid.T) {
		c := c
		c.local, c.numbers = m.now, slices.Clone(c.numbers)
		for i, n := range c.numbers {
			c.numbers[i].Used = m.rows[owned{c.place, n.Secret}]
		}
		m.ask(t, by, c)
	}})
}
