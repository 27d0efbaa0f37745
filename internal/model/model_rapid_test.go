package model

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
)

// Redis runs scripts several times as fast as miniredis does, so it is there that all must be reached.

func TestModel_SameAnswersOnMiniredis(t *testing.T) {
	sameAnswers(t, newMiniredis(t), 50, false)
}

func TestModel_SameAnswersOnRedis(t *testing.T) { sameAnswers(t, newRedis(t), 400, true) }

// A machine makes the same calls of onetime and of the model and compares what they say.
type machine struct {
	*model
	server    *server
	instances []*instance
	issues    []*issue // that succeeded, the newest last
	proofs    []*proof
	calls     int
	names     map[int]string // of calls that may use something, as Verifications tell them
	copies    []late
	held      held
	last      place // of the last call
}

func newMachine(s *server, reached func(what string)) *machine {
	return &machine{
		server: s, model: &model{now: s.now, records: map[place]*record{}, reached: reached}, names: map[int]string{},
		held: held{digests: map[string]string{}, marks: map[string]bool{}, marked: map[string]bool{}},
	}
}

// A proof is a Verification, and what the model knows of it. A call of 0 only inspected.
type proof struct {
	onetime.Verification
	by    *instance
	issue *issue
	call  int
	again func(*rapid.T) // the same sending
}

// actions are what a machine does, each as often beside the others as its weight says; rapid prefers the first and the last.
var actions = []struct {
	name   string
	weight int
	do     func(*machine, *rapid.T)
}{
	{"use", 6, (*machine).useLive},
	{"issue", 5, (*machine).issueSome},
	{"undo", 5, (*machine).undoOne},
	{"code", 4, (*machine).tryCode},
	{"token", 4, (*machine).tryToken},
	{"again", 4, (*machine).sendAgain},
	{"late", 6, (*machine).runLate},
	{"guess", 3, func(m *machine, t *rapid.T) { m.guess(t, rapid.SampledFrom([]int{3, 7, 17}).Draw(t, "tries"), false) }},
	{"unlock", 2, (*machine).unlockOne},
	{"cancel", 2, (*machine).cancelOne},
	{"step back", 1, (*machine).stepBack},
	{"wait", 1, (*machine).wait},
	{"crowd", 1, func(m *machine, t *rapid.T) { m.crowd(t, 2) }},
	{"revoke", 1, (*machine).revokeAll},
	{"edge", 3, (*machine).waitEdge},
}

/*
sameAnswers lets rapid drive machines, each on an empty Redis. If all must be reached and something was not, it goes on, up
to twenty times. With -short or flags of rapid it does what they say, and something may be missing. -rapid.seed repeats a run:
what onetime draws by itself (codes, tokens, ids) decides nothing.
*/
func sameAnswers(t *testing.T, s *server, checks int, all bool) {
	usual := setFlag(t, "rapid.checks", "100", checks)
	usual = setFlag(t, "rapid.steps", "30", 50) && usual && flag.Lookup("rapid.seed").Value.String() == "0"
	all = all && usual && !testing.Short()
	reached := outcomes{}
	for range 20 {
		rapid.Check(t, func(t *rapid.T) {
			s.empty(t)
			newMachine(s, reached.count).run(t)
		})
		if !all || len(reached.missing()) == 0 {
			break
		}
	}
	reached.report(t, all)
}

// setFlag sets a flag of rapid for a test, unless somebody else has set it, by the environment maybe.
func setFlag(t *testing.T, name, initial string, value any) bool {
	f := flag.Lookup(name)
	given := f.DefValue != initial
	flag.Visit(func(set *flag.Flag) { given = given || set == f })
	if given {
		return false
	}
	require.NoError(t, f.Value.Set(fmt.Sprint(value)))
	t.Cleanup(func() { require.NoError(t, f.Value.Set(initial)) })
	return true
}

// run draws what there is and then what happens.
func (m *machine) run(t *rapid.T) {
	first := rapid.SampledFrom([]string{"nothing", "nothing", "nothing", "nothing", "nothing", "nothing", "crowd", "disable"}).Draw(t, "first")
	m.instances = drawInstances(t, m.server, first != "nothing")
	m.server.repeat = rapid.Bool().Draw(t, "each command twice")
	switch first {
	case "crowd":
		m.crowd(t, maxChallenges+2)
	case "disable":
		m.guess(t, 3*strangersDisabledAt, true)
	}
	steps := map[string]func(*rapid.T){"": m.compare}
	for _, a := range actions {
		for range a.weight {
			steps[fmt.Sprintf("%02d %s", len(steps), a.name)] = func(t *rapid.T) { a.do(m, t) }
		}
	}
	t.Repeat(steps)
}

// same wants an answer that the model gave, and tells whether it is yes.
func (m *machine) same(t *rapid.T, op string, got error, want *onetime.DeniedError) bool {
	if want == nil {
		require.NoError(t, got, op)
		m.reached(op + ": yes")
		return true
	}
	var denied *onetime.DeniedError
	require.ErrorAs(t, got, &denied, "%s: want %v", op, want)
	require.Equal(t, want, denied, op)
	m.reached(op + ": " + reasons[want.Reason])
	return false
}

// compare wants what is stored to be what the model knows: of the place of the last call and of another one, as one of the
// instances sees it, and the end of each record. And it looks at what Redis holds.
func (m *machine) compare(t *rapid.T) {
	m.held.look(t, m.server)
	n := len(m.issues) + m.calls
	m.compareStatus(t, m.last, n/4)
	m.compareStatus(t, place{purposes[n%2], subjects[n/2%2]}, n/4)
	ends := m.server.ends(t)
	for _, purpose := range purposes {
		var want []int64
		for _, subject := range subjects {
			if r := m.at(place{purpose, subject}); r != nil {
				want = append(want, r.end-start)
			}
		}
		slices.Sort(want)
		require.Equal(t, want, endsOf(purpose, ends), "ends of the records of %s", purpose)
	}
}

func (m *machine) compareStatus(t *rapid.T, p place, n int) {
	of := m.of(p.purpose)
	if len(of) == 0 {
		return // before the first call
	}
	by := of[n%len(of)]
	got, err := by.Status(t.Context(), p.subject)
	require.NoError(t, err)
	require.True(t, slices.IsSortedFunc(got.Pending, newestFirst))
	require.Equal(t, m.lines(m.status(by, p.subject)), m.lines(got), "Status(%s, %q) by %s", p.purpose, p.subject, by.name)
}

func newestFirst(a, b onetime.Pending) int { return b.IssuedAt.Compare(a.IssuedAt) }

// lines prints a Status. The issues of each challenge stay in their order.
func (m *machine) lines(s onetime.Status) string {
	binding := map[string]string{}
	for _, i := range m.issues {
		binding[i.id] = i.binding
	}
	slices.SortStableFunc(s.Pending, newestFirst)
	slices.SortStableFunc(s.Pending, func(a, b onetime.Pending) int { return strings.Compare(binding[a.ID], binding[b.ID]) })
	text := fmt.Sprintf("strangers %+v, known browsers %+v", s.Locks, s.Known)
	for _, p := range s.Pending {
		text += fmt.Sprintf("\n%s: issued %d, lives %s, code %v, token %v, bound %v, used %v, %d left",
			p.ID, p.IssuedAt.UnixMilli()-start, p.ExpiresIn, p.Code, p.Token, p.Bound, p.Used, p.AttemptsLeft)
	}
	return text
}

// usedBy returns the call that used the challenge of an issue, 0 if none did.
func (m *machine) usedBy(i *issue) int {
	if r := m.at(i.place); r != nil && r.challenges[i.binding] != nil {
		return r.challenges[i.binding].use.call
	}
	return 0
}
