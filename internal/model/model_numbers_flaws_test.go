package model

import (
	"testing"

	"pgregory.net/rapid"
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
	findsFlaws(t, numberFlaws, []string{"once", "onceundo", "numbers"}, []string{"ERR"}, 60, func(t *rapid.T, s *server) {
		newNumberMachine(s, func(string) {}).run(t)
	})
}
