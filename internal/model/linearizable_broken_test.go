package model_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// The tests of this file show that those of linearizable_test.go can fail.

// mode is where the terms of a verification, its third argument, say whether it uses something up.
const mode = 6

// isVerify tells the arguments of a verification that may use something up.
func isVerify(args []any) bool {
	if len(args) < 3 {
		return false
	}
	terms, _ := args[2].(string)
	return (len(terms) == 7 || len(terms) == 19) && terms[mode] == 'v' // without a group, and with one
}

// A twoStep client asks whether a secret is right, and uses it up afterwards.
type twoStep struct{ *redis.Client }

func (c twoStep) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if isVerify(args) {
		ask := slices.Clone(args)
		terms := args[2].(string)
		ask[2] = terms[:mode] + "i" + terms[mode+1:]
		if asked := c.Client.EvalSha(ctx, sha, keys, ask...); asked.Err() == nil {
			if values, _ := asked.Slice(); len(values) > 2 && values[1] == int64(1) {
				c.Client.EvalSha(ctx, sha, keys, args...)
				return asked
			}
		}
	}
	return c.Client.EvalSha(ctx, sha, keys, args...)
}

// A stranger sends each verification twice under two ids, so that Redis cannot know the second for a repeat.
type stranger struct{ *redis.Client }

func (c stranger) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if isVerify(args) {
		first := slices.Clone(args)
		first[0] = args[0].(string)[1:] + "\x00"
		c.Client.EvalSha(ctx, sha, keys, first...)
	}
	return c.Client.EvalSha(ctx, sha, keys, args...)
}

// A spendthrift deletes a field in which a wrong code was charged.
type spendthrift struct {
	*redis.Client
	field string
}

func (c spendthrift) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	answer := c.Client.EvalSha(ctx, sha, keys, args...)
	if isVerify(args) {
		if values, _ := answer.Slice(); len(values) > 2 && values[1] == int64(2) {
			c.HDel(ctx, keys[0], c.field)
		}
	}
	return answer
}

func TestLinearizable_FindsBrokenClients(t *testing.T) {
	for name, broken := range map[string]func(rdb *redis.Client) redis.Scripter{
		"a use in two steps":      func(rdb *redis.Client) redis.Scripter { return twoStep{rdb} },
		"repeats are new":         func(rdb *redis.Client) redis.Scripter { return stranger{rdb} },
		"attempts are given back": func(rdb *redis.Client) redis.Scripter { return spendthrift{rdb, "w"} },
		"guesses are given back":  func(rdb *redis.Client) redis.Scripter { return spendthrift{rdb, "g2592000000"} },
		"failures are forgotten":  func(rdb *redis.Client) redis.Scripter { return spendthrift{rdb, "f"} },
	} {
		t.Run(name, func(t *testing.T) {
			isFound(t, smallWork.with(func(w *workload) { w.broken = broken }))
		})
	}
}

// isFound wants what is broken in a workload to be found.
func isFound(t *testing.T, work workload) {
	t.Helper()
	crew := newCrew(t, work, newSeed(t))
	for round := range patience {
		if crew.round(t).check(nil) == porcupine.Illegal {
			t.Logf("in round %d", round+1)
			return
		}
	}
	require.Fail(t, "not found", "in %d rounds", patience)
}

// patience is how many rounds may pass until something broken is found. All is found within dozens, so that chance does not
// decide.
const patience = 2000

// What is tied to a request must not verify without it.
func TestLinearizable_FindsForgottenRequests(t *testing.T) {
	isFound(t, smallWork.with(func(w *workload) { w.forgetful = true }))
}

// An altered answer is put in place of the one that a caller got; nil leaves that.
type altered func(c call, a answer) *answer

func TestLinearizable_FindsAlteredAnswers(t *testing.T) {
	isUse := func(c call) bool { return c.op == "VerifyOTP" || c.op == "VerifyToken" }
	for name, alter := range map[string]altered{
		"a second success": func(c call, a answer) *answer {
			if isUse(c) && a.reason == onetime.ErrUsed {
				return &answer{issue: c.shown}
			}
			return nil
		},
		"a success after the end": func(c call, a answer) *answer {
			if c.op == "VerifyToken" && a.reason == onetime.ErrNotFound {
				return &answer{issue: c.shown}
			}
			return nil
		},
		"a success denied": func(c call, a answer) *answer {
			if isUse(c) && a.reason == nil {
				return &answer{reason: onetime.ErrUsed}
			}
			return nil
		},
		"a charge lost": func(c call, a answer) *answer {
			if a.reason != onetime.ErrMismatch {
				return nil
			}
			a.left++
			return &a
		},
		"a lock opened": func(c call, a answer) *answer {
			if c.op != "VerifyOTP" || a.reason != onetime.ErrLocked {
				return nil
			}
			return &answer{reason: onetime.ErrMismatch}
		},
		"an Undo that came too late": func(c call, a answer) *answer {
			if c.op != "Undo" || a.reason != onetime.ErrNotFound {
				return nil
			}
			return &answer{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			crew := newCrew(t, smallWork.with(func(w *workload) { w.steps = 16 }), newSeed(t))
			tried, found := 0, 0
			for round := 0; tried < 10; round++ {
				require.Less(t, round, 200, "nothing to alter")
				h := crew.round(t)
				for i, o := range h.operations {
					seen := o.Output.(*answer)
					if seen == nil {
						continue
					}
					if a := alter(o.Input.(call), *seen); a != nil {
						one := history{h.policy, slices.Clone(h.operations)}
						one.operations[i].Output = a
						tried++
						if one.check(nil) == porcupine.Illegal {
							found++
						}
					}
				}
			}
			t.Logf("%d of %d found", found, tried)
			require.Greater(t, found, tried/2, "of %d; of parallel calls another order may explain a few", tried)
		})
	}
}

// rules are broken ones: what callers saw has to refute each.
var rules = map[string]rule{
	"a use is forgotten": func(_ record, c call, a answer, after *record) {
		if a.used(c) {
			after.challenges[c.challenge].use = 0
		}
	},
	"a use forgets no failures": func(before record, c call, a answer, after *record) {
		if a.used(c) {
			after.failures = before.failures
		}
	},
	"a use gives guesses back": func(_ record, c call, a answer, after *record) {
		if a.used(c) {
			after.guesses = 0
		}
	},
	"a wrong code takes no attempt": func(before record, c call, a answer, after *record) {
		if a.reason == onetime.ErrMismatch {
			after.challenges[c.challenge].marks = before.challenges[c.challenge].marks
		}
	},
	"a wrong code takes no guess": func(before record, _ call, a answer, after *record) {
		if a.reason == onetime.ErrMismatch {
			after.guesses = before.guesses
		}
	},
	"a wrong code is no failure": func(before record, _ call, a answer, after *record) {
		if a.reason == onetime.ErrMismatch {
			after.failures = before.failures
		}
	},
	"a wrong code is charged again": func(before record, _ call, a answer, after *record) {
		if a.reason == onetime.ErrMismatch && after.guesses == before.guesses {
			after.guesses++
		}
	},
	"an issue refills no attempts": func(before record, c call, a answer, after *record) {
		if c.op == "IssueOTP" && a.reason == nil {
			after.challenges[c.challenge].marks = before.challenges[c.challenge].marks
		}
	},
	"an issue replaces nothing": func(before record, c call, a answer, after *record) {
		if ch := &after.challenges[c.challenge]; strings.HasPrefix(c.op, "Issue") && a.reason == nil {
			copy(ch.slots[1:], before.challenges[c.challenge].slots[:])
		}
	},
	"an issue costs no send": func(before record, c call, _ answer, after *record) {
		if strings.HasPrefix(c.op, "Issue") {
			after.sends = before.sends
		}
	},
	"an Undo does nothing": func(before record, c call, _ answer, after *record) {
		if c.op == "Undo" {
			*after = before
		}
	},
	"an Undo is anybody's": func(_ record, c call, a answer, after *record) {
		if c.op == "Undo" && a.reason == onetime.ErrUsed {
			after.challenges[c.challenge].use = 0
		}
	},
	"a Cancel ends all": func(_ record, c call, _ answer, after *record) {
		if c.op == "Cancel" {
			for i := range after.challenges {
				after.challenges[i] = challenge{}
			}
		}
	},
	"a Cancel does nothing": func(before record, c call, _ answer, after *record) {
		if c.op == "Cancel" {
			*after = before
		}
	},
	"a quiet Cancel is a Cancel": func(before record, c call, _ answer, after *record) {
		if c.op == "CancelQuietly" {
			c.op = "Cancel"
			after.end(c)
		}
	},
	"a quiet Cancel does nothing": func(before record, c call, _ answer, after *record) {
		if c.op == "CancelQuietly" {
			*after = before
		}
	},
	"a quiet Cancel leaves a decoy of what was used": func(before record, c call, _ answer, after *record) {
		for i, ch := range before.challenges {
			if c.op == "CancelQuietly" && ch.use != 0 {
				after.challenges[i] = ch
			}
		}
	},
	"an Erase is a Revoke": func(before record, c call, _ answer, after *record) {
		if c.op == "Erase" {
			*after, c.op = before, "Revoke"
			after.end(c)
		}
	},
	"another sending is a new call": func(_ record, c call, _ answer, after *record) {
		after.challenges[c.challenge].group = 0
	},
	"another sending may be undone": func(_ record, c call, _ answer, after *record) {
		after.challenges[c.challenge].repeated = false
	},
	"another sending of an issue is a new one": func(_ record, c call, _ answer, after *record) {
		after.challenges[c.challenge].issued = 0
	},
	"an issue has no request": func(_ record, c call, _ answer, after *record) {
		after.challenges[c.challenge].slots[0].request = 0
	},
	"a wrong code has no request": func(_ record, c call, a answer, after *record) {
		if marks := &after.challenges[c.challenge].marks; a.reason == onetime.ErrMismatch {
			for i := range marks {
				marks[i].request = 0
			}
		}
	},
	"a Revoke spares what is bound": func(before record, c call, _ answer, after *record) {
		if c.op == "Revoke" {
			after.challenges[1] = before.challenges[1]
		}
	},
	"an Unlock does nothing": func(before record, c call, _ answer, after *record) {
		if c.op == "Unlock" {
			*after = before
		}
	},
	"an Unlock ends secrets": func(_ record, c call, _ answer, after *record) {
		if c.op == "Unlock" {
			after.challenges = [2]challenge{}
		}
	},
}

// used tells whether this answer to a call says that it used a secret up.
func (a answer) used(c call) bool {
	return (c.op == "VerifyOTP" || c.op == "VerifyToken") && a.reason == nil
}

func TestLinearizable_FindsBrokenRules(t *testing.T) {
	if testing.Short() {
		t.Skip("left out by -short")
	}
	crew := newCrew(t, smallWork, newSeed(t))
	left := maps.Clone(rules)
	for round := 1; len(left) > 0; round++ {
		require.LessOrEqual(t, round, patience, "not found: %q", slices.Sorted(maps.Keys(left)))
		if round == 5 {
			crew.work.mix = restless
		}
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
