package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// flaws are found by the answers, but for that of the salts. Those of which late copies tell in rare moments only stand in the
// scenes of the histories.
var flaws = map[string]flaw{
	"codes are not salted":                           {"redis.sha1hex", "function(text) return redis.sha1hex(string.sub(text, 13)) end"},
	"only the first candidate is judged":             {"for k = 1, #candidates, DIGEST do", "for k = 1, DIGEST, DIGEST do"},
	"an issue forgets what it replaces":              {"replaced = replaced .. sub(slot, 1, 8)", ""},
	"an issue forgets what was replaced":             {"sub(replaced .. before, 1, 8 * ENDED)", "sub(replaced, 1, 8 * ENDED)"},
	"an issue forgets more than 7":                   {"sub(replaced .. before, 1, 8 * ENDED)", "sub(replaced .. before, 1, 8 * 7)"},
	"a replaced issue comes back":                    {"if sub(before, i, i + 7) == sub(id, 1, 8) then", "if false then"},
	"an ended issue comes back":                      {"or {id, NOT_FOUND} end", "or nil end"},
	"a used issue is answered yes":                   {"local alive = lives(slot, now) and not used", "local alive = lives(slot, now)"},
	"a second issue of a form is new":                {"values[4] == group then", "false then"},
	"a second issue of a form lives anew":            {"left[k] = at and math.max(0, ends(slot, at, now) - now) or 0", "left[k] = at and 60000 or 0"},
	"what ended is swept at once":                    {"newest > now - REMEMBERED or", ""},
	"the oldest gives way before what ended":         {"if a.ended ~= b.ended then return b.ended end", ""},
	"a record ends with its secrets":                 {"last = math.max(last, now + REMEMBERED)", ""},
	"a record ends before the last repeat":           {"last = now + REPEATS + 1", "last = now + REPEATS"},
	"another sending is a new call":                  {"local sent = used and", "local sent = false and"},
	"another sending is nobody's":                    {"used_group == group and", ""},
	"another sending is the first for ever":          {"math.abs(now - used_at) <= REPEATS", "true"},
	"another sending has a minute but 1 ms":          {"math.abs(now - used_at) <= REPEATS", "math.abs(now - used_at) < REPEATS"},
	"another sending may be undone":                  {"or byte(text) == 114 ", ""},
	"another sending ends with the code":             {"and (alive or not match)", "and alive"},
	"an undone call comes back":                      {"if undone == id then return {id, NOT_FOUND} end", ""},
	"a use forgets the undone call":                  {"id .. (undone or NONE)", "id .. NONE"},
	"a quiet cancel is told":                         {"local quiet = mode == 'd' and", "local quiet = false and"},
	"a quiet cancel spares":                          {"left = left .. sub(slot, at, at + 4) .. digest", "left = slot"},
	"a quiet cancel spares what was used":            {"and not use(call('HGET', KEYS[1], scope .. 'u'))", ""},
	"an Erase keeps marks":                           {"{'i', 'u', 'w'}", "{'i', 'u'}"},
	"a known browser ends the row of strangers only": {"if others > 0 then set[#set + 1], set[#set + 2] = other, '0' end", ""},
	"a known browser has the row of strangers":       {"if row == 'F' then other, disabled_at = 'f', KNOWN_DISABLED_AT end", "row = 'f'"},
	"a known browser's challenge gives way":          {"if a.kept ~= b.kept then return a.kept end", ""},
	"known browsers have 85 wrong codes":             {"other, disabled_at = 'f', KNOWN_DISABLED_AT", "other, disabled_at = 'f', DISABLED_AT"},
	"an issue forgets whether it was known":          {"if known then as = string.upper(as) end", ""},
	"a late Revoke ends what was issued since":       {"call('HGET', KEYS[1], 'r') == id", "false"},
}

// A trial stands in for a test that has to fail, and keeps what it says.
type trial struct {
	rapid.TB
	failed bool
	text   strings.Builder
}

func (t *trial) Failed() bool                      { return t.failed }
func (t *trial) Fail()                             { t.failed = true }
func (t *trial) FailNow()                          { t.failed = true }
func (t *trial) Log(args ...any)                   { fmt.Fprintln(&t.text, args...) }
func (t *trial) Logf(format string, args ...any)   { fmt.Fprintf(&t.text, format+"\n", args...) }
func (t *trial) Error(args ...any)                 { t.failed = true; t.Log(args...) }
func (t *trial) Errorf(format string, args ...any) { t.failed = true; t.Logf(format, args...) }

// The tests of SameAnswers can fail: with a flaw in a script they do, because of an answer and not because the script breaks.
func TestModel_FindsFlawedScripts(t *testing.T) {
	findsFlaws(t, flaws, []string{"common", "challenges", "issue", "verify", "undo", "revoke"}, []string{"undecided", "ERR"}, 50, func(t *rapid.T, s *server) {
		newMachine(s, func(string) {}).run(t)
	})
}

// findsFlaws demands that each flaw, which is planted in one of the scripts, lets a run of so many steps fail, and says nothing of
// what never may be the reason.
func findsFlaws(t *testing.T, flaws map[string]flaw, scripts, never []string, steps int, run func(*rapid.T, *server)) {
	rig.Needs(t, rig.Redis)
	if testing.Short() {
		t.Skip("left out by -short")
	}
	setFlag(t, "rapid.checks", "100", 3000)
	setFlag(t, "rapid.steps", "30", steps)
	setFlag(t, "rapid.seed", "0", 1)
	setFlag(t, "rapid.nofailfile", "false", true)
	setFlag(t, "rapid.shrinktime", "30s", "0s")
	s := newRedis(t)
	for name, f := range flaws {
		t.Run(name, func(t *testing.T) {
			count := 0
			for _, script := range scripts {
				count += strings.Count(core.ScriptText(script), f.text)
			}
			require.Equal(t, 1, count, "the flaw is no longer in one script")
			s.flaw, s.hashes = f, map[string]string{}
			try, checks := &trial{TB: t}, 0
			rapid.Check(try, func(t *rapid.T) {
				s.empty(t)
				checks++
				run(t, s)
			})
			require.True(t, try.failed, "not found")
			for _, reason := range never {
				require.NotContains(t, try.text.String(), reason)
			}
			t.Logf("after %d checks", checks)
		})
	}
}
