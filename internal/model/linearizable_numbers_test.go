package model_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// Numbers that count once: used by several callers at once, given back, and lost by Redis or by the callers' table.

var (
	lossyNumbers  = mix{number: 24, wrongNumber: 6, giveBack: 10, unlock: 2, inquire: 4, lose: 2}
	numbersWork   = workload{policy: loose, mix: lossyNumbers, callers: 8, steps: 24, unwritten: 0.3}
	smallNumbers  = workload{policy: tight, mix: lossyNumbers, callers: 4, steps: 24, unwritten: 0.3}
	numberAnswers = []string{
		"Use", "Use, repeated", "GiveBack", "Lose", "Unlock", "Status", outcome("Use", onetime.ErrMismatch), outcome("Use", onetime.ErrUsed),
		outcome("GiveBack", onetime.ErrUsed), outcome("GiveBack", onetime.ErrNotFound),
	}
	numberLocks = []string{outcome("Use", onetime.ErrLocked)}
)

func TestLinearizable_Numbers(t *testing.T) {
	tight := func(w *workload) { w.policy = smallNumbers.policy }
	t.Run("parallel calls", func(t *testing.T) { holds(t, numbersWork, 20, numberAnswers) })
	t.Run("tight limits", func(t *testing.T) { holds(t, numbersWork.with(tight), 10, numberAnswers, numberLocks) })
	t.Run("lost replies", func(t *testing.T) { holds(t, numbersWork.with(lossy), 10, numberAnswers) })
	t.Run("late copies", func(t *testing.T) { holds(t, numbersWork.with(slow), 10, numberAnswers) })
	t.Run("undecided calls", func(t *testing.T) { holds(t, numbersWork.with(unrepeated), 10, numberAnswers) })
}

// Redis is lost again and again, or writes are, not both: nobody acts twice on one number.
func TestRule15_NobodyActsTwiceInAnyHistory(t *testing.T) {
	for name, work := range map[string]workload{
		"Redis lost":  numbersWork.with(func(w *workload) { w.unwritten, w.mix.giveBack, w.mix.lose = 0, 0, 8 }),
		"writes lost": numbersWork.with(func(w *workload) { w.unwritten, w.mix.giveBack, w.mix.lose = 0.7, 0, 0 }),
	} {
		for way, faults := range map[string]func(*workload){"": func(*workload) {}, ", lost replies": lossy, ", late copies": slow} {
			t.Run(name+way, func(t *testing.T) {
				rounds := 20
				if testing.Short() {
					rounds = 2
				}
				crew := newCrew(t, work.with(faults), newSeed(t))
				acted := 0
				for range rounds {
					crew.round(t)
					for n, calls := range crew.callers[0].known.acted {
						require.Len(t, calls, 1, "%+v", n)
						acted++
					}
				}
				require.Positive(t, acted)
			})
		}
	}
	t.Run("both lost", func(t *testing.T) { // so the others could fail
		crew := newCrew(t, numbersWork.with(func(w *workload) { w.unwritten, w.mix.giveBack, w.mix.lose = 0.7, 0, 8 }), newSeed(t))
		for round := 0; ; round++ {
			require.Less(t, round, patience)
			crew.round(t)
			for _, calls := range crew.callers[0].known.acted {
				if len(calls) > 1 {
					return
				}
			}
		}
	})
}

// numberRules are broken ones: what callers saw has to refute each.
var numberRules = map[string]rule{
	"a use is forgotten": func(_ record, c call, a answer, after *record) {
		for i := range after.secrets {
			if after.secrets[i].use == a.use && a.use != 0 {
				after.secrets[i].use = 0
			}
		}
	},
	"a number that was used is free": func(before record, c call, a answer, after *record) {
		for i := range after.secrets {
			after.secrets[i].used = before.secrets[i].used
		}
	},
	"an undone call is forgotten": func(_ record, _ call, _ answer, after *record) {
		for i := range after.secrets {
			after.secrets[i].undone = 0
		}
	},
	"an undo gives nothing back": func(before record, c call, a answer, after *record) {
		if s := c.numbers[0].secret; c.op == "GiveBack" && a.reason == nil {
			after.secrets[s].used = before.secrets[s].used
		}
	},
	"an undo is anybody's": func(before record, c call, a answer, after *record) {
		if s := &after.secrets[c.numbers[0].secret]; c.op == "GiveBack" && a.reason == onetime.ErrUsed {
			s.use, s.used = 0, s.before
		}
	},
	"another sending is a new call": func(_ record, _ call, _ answer, after *record) {
		for i := range after.secrets {
			after.secrets[i].group = 0
		}
	},
	"another sending may be undone": func(_ record, _ call, _ answer, after *record) {
		for i := range after.secrets {
			after.secrets[i].told = false
		}
	},
	"a wrong code is no failure": func(before record, c call, a answer, after *record) {
		if c.op == "Use" && a.reason == onetime.ErrMismatch {
			after.failures = before.failures
		}
	},
	"a wrong code takes no guess": func(before record, c call, a answer, after *record) {
		if c.op == "Use" && a.reason == onetime.ErrMismatch {
			after.guesses = before.guesses
		}
	},
	"a use forgets no failures": func(before record, c call, a answer, after *record) {
		if c.op == "Use" && a.reason == nil {
			after.failures = before.failures
		}
	},
	"what is lost is remembered": func(before record, c call, _ answer, after *record) {
		if c.op == "Lose" {
			*after = before
		}
	},
}

func TestLinearizable_FindsBrokenRulesOfNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	crew := newCrew(t, smallNumbers.with(slow), newSeed(t))
	left := maps.Clone(numberRules)
	for round := 1; len(left) > 0; round++ {
		require.LessOrEqual(t, round, patience, "not found: %q", slices.Sorted(maps.Keys(left)))
		h := crew.round(t)
		maps.DeleteFunc(left, func(name string, r rule) bool {
			found := h.check(r) == porcupine.Illegal
			if found {
				t.Logf("round %d: %s", round, name)
			}
			return found
		})
	}
}

func TestLinearizable_FindsFlawedScriptsOfNumbers(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	for name, f := range map[string]flaw{
		"a number below what Redis knows is free": {"once", "number < row or number < after", "number < row"},
		"a number below the row's is free":        {"once", "number < row or", ""},
		"an index that Redis has is free":         {"once", "has(row, number) or has(after, number)", "has(row, number)"},
		"an index that the row has is free":       {"once", "has(row, number) or", ""},
		"a repeat is a new call":                  {"once", "if used and its and used_call == id then", "if false then"},
		"a repeat of a wrong code is charged":     {"once", "if values[2] == id then return {id, MISMATCH, left(), wait} end", ""},
		"an undone call comes back":               {"once", "if undone == id then return {id, NOT_FOUND} end", ""},
		"a use forgets the undone call":           {"once", "(undone or NONE) .. six(after)", "NONE .. six(after)"},
		"another sending is a new call":           {"once", "elseif used and its and group ~= '' and", "elseif false and"},
		"another sending is nobody's":             {"once", "used_group == group and", ""},
		"another sending may be undone":           {"onceundo", "or byte(text) == 114 ", ""},
		"an undo is anybody's":                    {"onceundo", "used_call ~= id or byte(text)", "byte(text)"},
		"an undo frees nothing":                   {"onceundo", "NONE .. id .. before .. before", "NONE .. id .. sub(text, AFTER, BEFORE - 1) .. before"},
	} {
		t.Run(name, func(t *testing.T) {
			isFound(t, smallNumbers.with(slow).with(func(w *workload) { w.flaw = f }))
		})
	}
}
