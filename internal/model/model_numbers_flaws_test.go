package model

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

// numberFlaws are found by the answers, the ends of the records, or rule 15.
var numberFlaws = map[string]flaw{
	"a number below the row's is free":          {"number < row or", ""},
	"a number below what Redis knows is free":   {"number < row or number < after", "number < row"},
	"an index that the row has is free":         {"has(row, number) or", ""},
	"an index that Redis has is free":           {"has(row, number) or has(after, number)", "has(row, number)"},
	"an index frees the others":                 {"local after = before + 2 ^ number", "local after = 2 ^ number"},
	"a use leaves the next number free, too":    {"number + 1 end", "number end"},
	"an index of before is another sending":     {"and not has(before, number)", ""},
	"any number is another sending":             {"after == number + 1, number < row", "true, number < row"},
	"the last that is free is taken":            {"free = free or i", "free = i"},
	"steps behind the window count":             {"number >= step - back and", ""},
	"steps ahead of the window count":           {"and number <= step + ahead then", "then"},
	"counters have a window":                    {"local step = kind == STEPS and", "local step = kind ~= CODES and"},
	"the clock may be far off":                  {"SKEW, KEPT_STEPS, KEPT, MOST = 90000", "SKEW, KEPT_STEPS, KEPT, MOST = 90001"},
	"the clock must be near":                    {"SKEW, KEPT_STEPS, KEPT, MOST = 90000", "SKEW, KEPT_STEPS, KEPT, MOST = 89999"},
	"a locked code is judged":                   {"if wait > 0 then return {id, LOCKED, wait} end", ""},
	"what is locked tells what is used":         {"if mode ~= FREE then\n    local wait", "if mode ~= FREE and not known then\n    local wait"},
	"a disabled code is judged":                 {"if failures >= DISABLED_AT then return {id, DISABLED} end", ""},
	"what is disabled is forgotten":             {"failures + 1 >= DISABLED_AT and now + DISABLED_FOR or latest", "latest"},
	"a repeat of a wrong code is charged":       {"if values[2] == id then return {id, MISMATCH, left(), wait} end", ""},
	"a wrong code is not noted":                 {"set[size + 1], set[size + 2] = 'o', id", "set[size + 1], set[size + 2] = 'o', ''"},
	"a wrong code is no failure":                {"'f', failures + 1", "'f', failures"},
	"a wrong code leaves one too many":          {"left() - 1, next", "left(), next"},
	"a used code is charged":                    {"if not free and known then return {id, USED} end", ""},
	"a confirmation sets failures back":         {"and mode ~= CONFIRM then", "then"},
	"what is free of limits sets failures back": {"and mode ~= FREE and mode ~= CONFIRM", "and mode ~= CONFIRM"},
	"what is free of limits is charged":         {"if not free and mode == FREE then return {id, NOT_FOUND} end", ""},
	"a repeat is a new call":                    {"if used and its and used_call == id then", "if false then"},
	"a repeat lengthens the record":             {"(again and used_at or now)", "now"},
	"another sending is a new call":             {"elseif used and its and group ~= '' and", "elseif false and"},
	"another sending is nobody's":               {"used_group == group and", ""},
	"another sending is the first for ever":     {"math.abs(now - used_at) <= REPEATS", "true"},
	"another sending has a minute but 1 ms":     {"math.abs(now - used_at) <= REPEATS", "math.abs(now - used_at) < REPEATS"},
	"another sending may be undone":             {"or byte(text) == 114 ", ""},
	"a sending is not told of another":          {"if not mine then text = 'r' .. sub(text, 2) end", ""},
	"an undone call comes back":                 {"if undone == id then return {id, NOT_FOUND} end", ""},
	"a use forgets the undone call":             {"(undone or NONE) .. six(after)", "NONE .. six(after)"},
	"an undo frees nothing":                     {"NONE .. id .. before .. before", "NONE .. id .. sub(text, AFTER, BEFORE - 1) .. before"},
	"an undo is anybody's":                      {"used_call ~= id or byte(text)", "byte(text)"},
	"an undo cannot be repeated":                {"if not used and undone == id then return {id, OK} end", ""},
	"steps are forgotten after a minute":        {"90000, 600000, 30 * 86400000", "90000, 60000, 30 * 86400000"},
	"counters are forgotten after ten minutes":  {"90000, 600000, 30 * 86400000", "90000, 600000, 600000"},
	"17 secrets stay":                           {"86400000, 16", "86400000, 17"},
	"what is over stays":                        {"drop[#drop + 1] = other\n", "others[#others + 1] = {name = other, since = since}\n"},
	"the newest goes":                           {"return a.since > b.since", "return a.since < b.since"},
	"the record ends before the use":            {"keep_until(last, life, now)\nreturn reply", "return reply"},
}

// The tests of SameAnswers can fail: with a flaw in a script they do, because of an answer and not because the script breaks.
func TestNumbers_FindsFlawedScripts(t *testing.T) {
	rig.Needs(t, rig.Redis)
	if testing.Short() {
		t.Skip("left out by -short")
	}
	setFlag(t, "rapid.checks", "100", 3000)
	setFlag(t, "rapid.steps", "30", 60)
	setFlag(t, "rapid.seed", "0", 1)
	setFlag(t, "rapid.nofailfile", "false", true)
	setFlag(t, "rapid.shrinktime", "30s", "0s")
	s := newRedis(t)
	for name, f := range numberFlaws {
		t.Run(name, func(t *testing.T) {
			count := 0
			for _, script := range []string{"once", "onceundo", "numbers"} {
				count += strings.Count(core.ScriptText(script), f.text)
			}
			require.Equal(t, 1, count, "the flaw is no longer in one script")
			s.flaw, s.hashes = f, map[string]string{}
			try, checks := &trial{TB: t}, 0
			rapid.Check(try, func(t *rapid.T) {
				s.empty(t)
				checks++
				newNumberMachine(s, func(string) {}).run(t)
			})
			require.True(t, try.failed, "not found")
			require.NotContains(t, try.text.String(), "ERR")
			t.Logf("after %d checks", checks)
		})
	}
}
