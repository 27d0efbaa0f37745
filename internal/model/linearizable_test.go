package model_test

import (
	"flag"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

var seedFlag = flag.Uint64("linearizable.seed", 0, "seed of what callers do in the TestLinearizable tests; 0 draws one")

// The limits of these refill by one event a day or less often.
const month = 30 * 24 * time.Hour

func limit(burst int) []onetime.Limit { return []onetime.Limit{{Burst: burst, Per: month}} }

// loose has limits that do not bind.
func loose(r *rand.Rand) onetime.Policy {
	return onetime.Policy{Keep: 1 + r.IntN(3), MaxAttempts: 2 + r.IntN(5), GuessLimits: limit(100)}
}

// few has a limit of sends, so that one send too many shows.
func few(r *rand.Rand) onetime.Policy {
	return onetime.Policy{Keep: 1 + r.IntN(2), MaxAttempts: 5, SendLimits: limit(6 + r.IntN(6)), GuessLimits: limit(100)}
}

func tight(r *rand.Rand) onetime.Policy {
	return onetime.Policy{Keep: 1 + r.IntN(2), MaxAttempts: 1 + r.IntN(4), SendLimits: limit(4 + r.IntN(8)), GuessLimits: limit(3 + r.IntN(8))}
}

// failing lets a hundred wrong codes in a row be evaluated.
func failing(r *rand.Rand) onetime.Policy {
	return onetime.Policy{Keep: 1 + r.IntN(2), MaxAttempts: 16, GuessLimits: limit(100)}
}

var (
	// everyday has some of everything, restless is to and fro: secrets are used and given back, issues made and cancelled.
	everyday = mix{
		otp: 5, token: 3, link: 6, code: 23, wrongCode: 12, useToken: 11, inspect: 5,
		undo: 14, cancel: 2, quiet: 2, revoke: 1, erase: 1, unlock: 3, inquire: 13,
	}
	restless = mix{otp: 5, link: 5, code: 20, wrongCode: 3, useToken: 10, inspect: 2, undo: 28, cancel: 4, quiet: 3, revoke: 1, erase: 1, unlock: 3, inquire: 16}

	looseWork    = workload{policy: loose, mix: everyday, callers: 8, steps: 24}
	tightWork    = workload{policy: tight, mix: everyday, callers: 8, steps: 24}
	failingWork  = workload{policy: failing, mix: everyday, callers: 8, steps: 24, guesses: 99}
	restlessWork = workload{policy: few, mix: restless, callers: 8, steps: 24}
	smallWork    = workload{policy: tight, mix: everyday, callers: 4, steps: 24} // what refutes a broken rule is refuted soon
)

func (w workload) with(set func(w *workload)) workload {
	set(&w)
	return w
}

// Ways in which the network of a workload fails.
func lossy(w *workload)      { w.faults, w.lose = true, 0.1 }
func slow(w *workload)       { w.faults, w.lose, w.fail = true, 0.03, 0.1 }
func unrepeated(w *workload) { w.faults, w.lose, w.fail, w.retries = true, 0.07, 0.1, -1 }

// What callers have to see in every workload, and with some limits. ErrDisabled comes before ErrLocked.
var (
	always = []string{
		"IssueOTP", "IssueToken", "IssueLink", "VerifyOTP", "VerifyToken", "InspectToken", "Undo", "Unlock", "Status",
		"Cancel", "CancelQuietly", "Revoke", "Erase",
		outcome("VerifyOTP", onetime.ErrMismatch), outcome("VerifyOTP", onetime.ErrNotFound), outcome("VerifyOTP", onetime.ErrUsed),
		outcome("VerifyToken", onetime.ErrNotFound), outcome("VerifyToken", onetime.ErrUsed), outcome("InspectToken", onetime.ErrNotFound),
		outcome("InspectToken", onetime.ErrUsed), outcome("Undo", onetime.ErrNotFound), outcome("Undo", onetime.ErrUsed),
		"IssueOTP, repeated", "IssueLink, repeated", "VerifyOTP, repeated", "VerifyToken, repeated",
	}
	exhausted = []string{outcome("VerifyOTP", onetime.ErrExhausted)}
	limited   = []string{
		outcome("IssueOTP", onetime.ErrThrottled), outcome("IssueToken", onetime.ErrThrottled), outcome("IssueLink", onetime.ErrThrottled),
		outcome("IssueOTP", onetime.ErrLocked), outcome("VerifyOTP", onetime.ErrLocked),
	}
	ended    = []string{outcome("IssueOTP", onetime.ErrNotFound), outcome("IssueLink", onetime.ErrNotFound)} // sent again, too late
	disabled = []string{outcome("IssueOTP", onetime.ErrDisabled), outcome("VerifyOTP", onetime.ErrDisabled)}
)

func outcome(op string, reason error) string {
	if reason != nil {
		op += ", " + reason.Error()
	}
	return op
}

func (a answer) outcome(op string) string {
	if a.repeated {
		return op + ", repeated"
	}
	return outcome(op, a.reason)
}

func newSeed(t *testing.T) uint64 {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed: -linearizable.seed=%d", seed)
	return seed
}

// holds wants the histories of a workload to be linearizable: so many of them, and more until callers have seen all of the
// outcomes.
func holds(t *testing.T, work workload, rounds int, outcomes ...[]string) {
	t.Helper()
	if testing.Short() {
		rounds, outcomes = 2, nil
	}
	crew := newCrew(t, work, newSeed(t))
	unseen := slices.Concat(outcomes...)
	seen, silent := map[string]int{}, 0
	var checking time.Duration
	for round := 1; round <= rounds || len(unseen) > 0; round++ {
		require.LessOrEqual(t, round, patience, "nobody saw %q", unseen)
		h := crew.round(t)
		for _, o := range h.operations {
			if a := o.Output.(*answer); a != nil {
				seen[a.outcome(o.Input.(call).op)]++
			} else {
				silent++
			}
		}
		unseen = slices.DeleteFunc(unseen, func(o string) bool { return seen[o] > 0 })
		began := time.Now()
		result := h.check(nil)
		checking += time.Since(began)
		if result != porcupine.Ok {
			require.Equal(t, porcupine.Ok, result, "round %d with %+v: see %s", round, h.policy, picture(t, h))
		}
	}
	if work.faults {
		require.NotZero(t, silent)
	}
	for _, o := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("%5d %s", seen[o], o)
	}
	t.Logf("%5d copies whose answer nobody saw; %s of checking", silent, checking.Round(time.Millisecond))
}

// check is Ok or Illegal. Unknown is when no answer was found in time.
func (h history) check(altered rule) porcupine.CheckResult {
	return porcupine.CheckOperationsTimeout(sequential(h.policy, altered), h.operations, time.Minute)
}

// picture draws a history into a file that stays, and returns its path.
func picture(t *testing.T, h history) string {
	model := sequential(h.policy, nil)
	_, info := porcupine.CheckOperationsVerbose(model, h.operations, time.Minute)
	file, err := os.CreateTemp("", "onetime-linearizable-*.html")
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, porcupine.Visualize(model, info, file))
	return file.Name()
}

func TestLinearizable_ParallelCalls(t *testing.T) {
	t.Run("loose limits", func(t *testing.T) { holds(t, looseWork, 20, always, exhausted) })
	t.Run("tight limits", func(t *testing.T) { holds(t, tightWork, 20, always, exhausted, limited) })
	t.Run("disabled", func(t *testing.T) { holds(t, failingWork, 10, always, disabled) })
}

// go-redis sends again when a reply is lost, three times. A call that loses four is undecided.
func TestLinearizable_LostReplies(t *testing.T) {
	t.Run("loose limits", func(t *testing.T) { holds(t, looseWork.with(lossy), 10, always, ended) })
	t.Run("tight limits", func(t *testing.T) { holds(t, tightWork.with(lossy), 10, always, limited) })
}

// A command that go-redis took for lost, and sent again, is run after the call has returned.
func TestLinearizable_LateCopies(t *testing.T) {
	t.Run("loose limits", func(t *testing.T) { holds(t, looseWork.with(slow), 10, always, ended) })
	t.Run("tight limits", func(t *testing.T) { holds(t, tightWork.with(slow), 10, always, limited) })
	t.Run("restless", func(t *testing.T) { holds(t, restlessWork.with(slow), 10, ended) })
}

// A call that is not sent again is undecided, and has happened, or will, or never does.
func TestLinearizable_UndecidedCalls(t *testing.T) {
	t.Run("loose limits", func(t *testing.T) { holds(t, looseWork.with(unrepeated), 10, always) })
	t.Run("tight limits", func(t *testing.T) { holds(t, tightWork.with(unrepeated), 10, always, limited) })
}
