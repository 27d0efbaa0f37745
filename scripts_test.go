package onetime_test

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

var scriptNames = []string{"issue", "verify", "undo", "revoke", "unlock", "status", "once", "onceundo"}

// names returns the first group of every match, without repeats.
func names(pattern, text string) []string {
	var found []string
	seen := map[string]bool{}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		if !seen[match[1]] {
			seen[match[1]] = true
			found = append(found, match[1])
		}
	}
	return found
}

func TestScripts_HeaderBodyAndConstantsAgree(t *testing.T) {
	common := core.ScriptText("common")
	numbers := map[string]int64{}
	for _, line := range regexp.MustCompile(`(?m)^local ([A-Z_, ]+) = ([0-9, ]+)$`).FindAllStringSubmatch(common, -1) {
		values := strings.Split(line[2], ", ")
		for i, name := range strings.Split(line[1], ", ") {
			number, err := strconv.ParseInt(values[i], 10, 64)
			require.NoError(t, err)
			numbers[name] = number
		}
	}
	for name, number := range rig.Statuses {
		require.Equal(t, number, numbers[name], name)
	}

	used := map[string]bool{}
	for _, name := range scriptNames {
		header, body, ok := strings.Cut(core.ScriptText(name), "\n]]\n")
		require.True(t, ok, name)
		require.True(t, strings.HasPrefix(header, "--[[\n  "+name+": "), name)
		require.Contains(t, header, "\n  KEYS[1]", name)
		require.Contains(t, header, "\n  Invariant: ", name)

		// Each argument of the header is assigned in the body to the name it has there, and there are no others.
		inBody := map[string]string{}
		for _, line := range regexp.MustCompile(`(?m)^local ([a-z_, ]+) = (ARGV\[.*)$`).FindAllStringSubmatch(body, -1) {
			values := strings.Split(line[2], ", ")
			for i, variable := range strings.Split(line[1], ", ") {
				inBody[strings.TrimSuffix(values[i], " + 0")] = variable
			}
		}
		arguments, rest := 0, false
		for _, line := range regexp.MustCompile(`(?m)^  (ARGV\[(\d+)(\+?)\]) +(\w+)`).FindAllStringSubmatch(header, -1) {
			arguments++
			require.Equal(t, strconv.Itoa(arguments), line[2], "%s: arguments are listed in order", name)
			require.False(t, rest, "%s: the rest comes last", name)
			if rest = line[3] == "+"; !rest {
				require.Equal(t, line[4], inBody[line[1]], "%s %s", name, line[1])
				delete(inBody, line[1])
			}
		}
		require.Empty(t, inBody, name)
		for _, number := range names(`ARGV\[(\d+)`, body) {
			n, _ := strconv.Atoi(number)
			require.LessOrEqual(t, n, arguments, name)
		}

		// Each status of the header is an answer in the body, and there are no others.
		_, reply, ok := strings.Cut(header, "\n  Reply {id, status")
		require.True(t, ok, name)
		statuses := names(`\n    ([A-Z_]+)  `, reply)
		require.ElementsMatch(t, statuses, names(`\{id, ([A-Z_]+)\b`, body), name)
		for _, status := range statuses {
			require.Contains(t, rig.Statuses, status)
			used[status] = true
		}

		// One key, and no libraries that not every server has.
		require.NotRegexp(t, `KEYS\[[^1]|cjson|struct\.|bit\.|cmsgpack|redis\.`, body, name)
		for _, key := range names(`call\('[A-Z]+'(, [^,)]+)`, body+common) {
			require.Equal(t, ", KEYS[1]", key, name)
		}
	}
	require.Len(t, used, len(rig.Statuses), "every status is an answer of some script")
}

// ownID stands for the id of the call in a reply.
type ownID struct{}

func TestReply_OfTheWrongShapeIsNeverASuccess(t *testing.T) {
	setup, _ := onetimetest.New(t)
	id := "twelve bytes"
	right := map[string][]any{ // what follows the id of the call
		"IssueOTP":      {int64(1), int64(1), int64(0)},
		"IssueToken":    {int64(1), int64(0), int64(0)},
		"IssueLink":     {int64(1), int64(1), int64(0)},
		"VerifyOTP":     {int64(1), id, int64(1700000000000), int64(1), ""},
		"VerifyToken":   {int64(1), id, int64(1700000000000), int64(1), "sealed"},
		"InspectToken":  {int64(1), id, int64(1700000000000), int64(1), "sealed"},
		"Cancel":        {int64(1)},
		"CancelQuietly": {int64(1)},
		"Erase":         {int64(1)},
		"Revoke":        {int64(1)},
		"Unlock":        {int64(1)},
		"Status": {int64(1), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0), int64(0),
			id, int64(1), int64(0), int64(0), int64(0), int64(5), int64(1700000000000), int64(1000)},
	}
	var answer func(args []any) (any, error)
	m, err := onetime.New(rig.Teller{Answer: func(args []any) (any, error) { return answer(args) }}, onetimetest.Key,
		onetime.WithLinkBase("https://example.com/in"))
	require.NoError(t, err)
	for name, call := range rig.Operations(t, setup, m) {
		reply := func(values ...any) {
			answer = func(args []any) (any, error) {
				answered := append([]any{args[0]}, values...)
				for i, value := range answered {
					if value == (ownID{}) {
						answered[i] = args[0]
					}
				}
				return answered, nil
			}
		}
		// A sealed part that does not open cannot be told from a right one here: TestFault_GarbageInAnyField has that.
		if reply(right[name]...); name != "VerifyToken" && name != "InspectToken" {
			require.NoError(t, call(), name)
		}
		wrong := func(values ...any) {
			reply(values...)
			rig.Undecided(t, call())
		}
		for i := range right[name] {
			if name != "Status" || i != 9 { // a Status with nothing pending
				wrong(right[name][:i]...)
			}
			for _, other := range []any{nil, "", "x", int64(-1), int64(99), 1.5, []any{}, errors.New("x"), true} {
				if i == 0 || other != "" && other != "x" && other != int64(99) {
					values := append([]any{}, right[name]...)
					values[i] = other
					wrong(values...)
				}
			}
		}
		wrong(append(append([]any{}, right[name]...), int64(1))...)
		if name == "VerifyOTP" {
			reply(append(append([]any{}, right[name]...), ownID{}, int64(0))...) // a repeat of this call
			require.NoError(t, call(), name)
		}
		// An earlier sending of a group, where the call is of none.
		for _, more := range [][]any{{ownID{}}, {id}, {id, int64(0)}, {id, int64(1)}, {ownID{}, int64(1)}, {id, int64(1), int64(1)}} {
			wrong(append(append([]any{}, right[name]...), more...)...)
		}

		for _, value := range []any{nil, "OK", int64(1), []any{}, []any{"another call", int64(1)}, map[any]any{"x": 1}} {
			answer = func([]any) (any, error) { return value, nil }
			rig.Undecided(t, call())
		}
		answer = func([]any) (any, error) { return append([]any{id}, right[name]...), nil }
		rig.Undecided(t, call())
		answer = func([]any) (any, error) { return nil, redis.Nil }
		rig.Undecided(t, call())
	}
}

func TestScripts_RunAgainAfterScriptFlush(t *testing.T) {
	rig.Backends(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t)
		for _, call := range rig.Operations(t, b.Manager(t), b.Manager(t, onetime.WithSendLimits())) {
			require.NoError(t, b.Raw.ScriptFlush(t.Context()).Err())
			if err := call(); err != nil {
				require.ErrorIs(t, err, onetime.ErrDenied)
			}
		}
		_, err := m.Status(t.Context(), "alice@example.com")
		require.NoError(t, err)
	})
}

// statusesOfLua are the statuses of lua/common.lua: the locals right behind its header.
func statusesOfLua(t *testing.T) map[string]int64 {
	t.Helper()
	block := regexp.MustCompile(`\n]]\n((?:local .*\n)+)\n`).FindStringSubmatch(core.ScriptText("common"))
	require.NotNil(t, block)
	numbers := map[string]int64{}
	for line := range strings.Lines(block[1]) {
		declared := regexp.MustCompile(`^local ([A-Z_]+(?:, [A-Z_]+)*) = (\d+(?:, \d+)*)\n$`).FindStringSubmatch(line)
		require.NotNil(t, declared, "behind the header stand statuses: %s", line)
		values := strings.Split(declared[2], ", ")
		for i, name := range strings.Split(declared[1], ", ") {
			require.NotContains(t, numbers, name)
			number, err := strconv.ParseInt(values[i], 10, 64)
			require.NoError(t, err)
			numbers[name] = number
		}
	}
	return numbers
}

func TestStatuses_OfScriptsAndTheTableAreTheSame(t *testing.T) {
	inLua := statusesOfLua(t)
	require.Equal(t, rig.Statuses, inLua)
	numbers := slices.Sorted(maps.Values(inLua))
	for i, number := range numbers {
		require.EqualValues(t, i+1, number, "numbers are contiguous, or one could be forgotten")
	}

	seen := map[string]bool{}
	for _, s := range fault.Statuses {
		require.Equal(t, s.Number == 0, s.Lua == "", s.Name)
		require.Regexp(t, `^[a-z]+(_[a-z]+)*$`, s.Name)
		require.False(t, seen[s.Name], s.Name)
		seen[s.Name] = true
		require.Equal(t, s.Name, (&onetime.DeniedError{Reason: s.Err}).Name())
	}
	require.Equal(t, "denied", (&onetime.DeniedError{}).Name())
	require.Equal(t, "denied", (&onetime.DeniedError{Reason: errors.New("of a version to come")}).Name())
}

func TestStatuses_ScriptsAnswerWhatTheTableSaysComesWithThem(t *testing.T) {
	rows := map[string]fault.Status{}
	for _, s := range fault.Statuses {
		rows[s.Lua] = s
	}
	answered := 0
	for _, name := range scriptNames {
		_, body, ok := strings.Cut(core.ScriptText(name), "\n]]\n")
		require.True(t, ok)
		body = regexp.MustCompile(`\([^()]*\)`).ReplaceAllString(body, "()") // so that each comma parts two values
		for _, found := range regexp.MustCompile(`\{id, ([A-Z_]+)([^{}]*)\}`).FindAllStringSubmatch(body, -1) {
			status, refusal := rows[found[1]]
			if !refusal {
				require.Contains(t, []string{"OK", "CLOCK"}, found[1], name)
				continue
			}
			want := 0
			for _, comes := range []bool{status.Attempts, status.Wait} {
				if comes {
					want++
				}
			}
			require.Equal(t, want, strings.Count(found[2], ","), "%s: %s", name, found[0])
			answered++
		}
	}
	require.Greater(t, answered, 10)
}

func TestReply_EachStatusIsARefusalWithWhatComesWithIt(t *testing.T) {
	setup, _ := onetimetest.New(t)
	var values []any
	m, err := onetime.New(rig.Teller{Answer: func(args []any) (any, error) { return append([]any{args[0]}, values...), nil }},
		onetimetest.Key, onetime.WithLinkBase("https://example.com/in"))
	require.NoError(t, err)
	rows := map[int64]fault.Status{}
	for _, s := range fault.Statuses {
		rows[s.Number] = s
	}
	inLua := statusesOfLua(t)
	for op, call := range rig.Operations(t, setup, m) {
		for name, number := range inLua {
			if name == "OK" || name == "CLOCK" {
				continue
			}
			status, known := rows[number]
			require.True(t, known, "%s has no row in the table of statuses", name)
			want := &onetime.DeniedError{Reason: status.Err}
			if values = []any{number}; status.Attempts {
				values, want.AttemptsLeft = append(values, int64(3)), 3
			}
			if status.Wait {
				values, want.RetryAfter = append(values, int64(1500)), 1500*time.Millisecond
			}
			denied := rig.Refused(t, call(), status.Err)
			require.Equal(t, want, denied, "%s %s", op, name)
			require.Equal(t, status.Name, denied.Name())
			require.NotEqual(t, "denied", denied.Name())

			values = append(values, int64(1))
			rig.Undecided(t, call())
			if values = values[:len(values)-2]; len(values) > 0 {
				rig.Undecided(t, call())
			}
		}
		for _, number := range []int64{0, int64(len(inLua)) + 1} {
			for n := range 3 {
				values = append([]any{number}, []any{int64(3), int64(1500)}[:n]...)
				rig.Undecided(t, call())
			}
		}
	}
}

// registry returns the patterns of the registries of fields in lua/challenges.lua and lua/numbers.lua, by name.
func registry(t *testing.T) map[string]*regexp.Regexp {
	t.Helper()
	patterns := map[string]*regexp.Regexp{}
	for _, line := range regexp.MustCompile(`(?m)^ *local ((?:OF_[A-Z]+|UNLOCKED)(?:, OF_[A-Z]+)*) = (.*)$`).FindAllStringSubmatch(core.ScriptText("challenges")+core.ScriptText("numbers"), -1) {
		values := strings.Split(line[2], ", ")
		for i, name := range strings.Split(line[1], ", ") {
			pattern := strings.Trim(values[i], "'")
			require.Regexp(t, `^\^[a-zA-Z\[\]0-9%d+-]+\$$`, pattern, "of Lua's patterns only what Go reads alike")
			patterns[name] = regexp.MustCompile(strings.ReplaceAll(pattern, "%", `\`))
		}
	}
	require.ElementsMatch(t, []string{"OF_RECORD", "OF_LIMITS", "OF_CHALLENGE", "OF_PIECES", "UNLOCKED", "OF_NUMBERS"}, slices.Collect(maps.Keys(patterns)))
	return patterns
}

// registered reports whether a field is in the registry, and by which of its patterns.
func registered(patterns map[string]*regexp.Regexp, field string) (by string, ok bool) {
	rest := field
	if len(field) > 9 && field[0] == ':' {
		rest = field[9:]
	} else {
		for _, name := range []string{"OF_RECORD", "OF_LIMITS"} {
			if patterns[name].MatchString(field) {
				return name, true
			}
		}
	}
	for _, name := range []string{"OF_CHALLENGE", "OF_PIECES"} {
		if patterns[name].MatchString(rest) {
			return name, true
		}
	}
	return "", false
}

// letters are the one-letter names that a pattern matches.
func letters(pattern *regexp.Regexp) (all []string) {
	for c := byte('!'); c <= '~'; c++ {
		if pattern.MatchString(string(c)) {
			all = append(all, string(c))
		}
	}
	return all
}

func TestRegistry_HasEveryFieldThatAScriptNames(t *testing.T) {
	patterns := registry(t)
	// What is written under a name that is no literal: a slot, a limit, a piece.
	computed := map[string]bool{
		"scope .. i": true, "scope .. (i + 1)": true, "ARGV[field + i]": true, "scope .. letter .. i": true, "name": true,
		"row":   true,                // of either set; verify sets back the other, too
		"field": true, "other": true, // of a secret whose numbers are used once
	}
	literal := regexp.MustCompile(`^((?:scope|other) \.\. )?'([^']+)'$`)
	written := 0
	for _, name := range append([]string{"common", "challenges", "numbers"}, scriptNames...) {
		_, body, ok := strings.Cut(core.ScriptText(name), "\n]]\n")
		require.True(t, ok)
		for _, found := range regexp.MustCompile(`scope \.\. '([^']+)'`).FindAllStringSubmatch(body, -1) {
			require.Regexp(t, patterns["OF_CHALLENGE"], found[1], name)
		}
		var fields []string
		for _, found := range regexp.MustCompile(`call\('(?:HSET|HSETNX|HINCRBY|HDEL|HGET|HMGET|HEXISTS)', KEYS\[1\], ([^,()]+(?:\([^()]*\))?)`).FindAllStringSubmatch(body, -1) {
			fields = append(fields, found[1])
		}
		for _, found := range regexp.MustCompile(`set\[[^\]]+\], set\[[^\]]+\] = ([^,]+),`).FindAllStringSubmatch(body, -1) {
			fields = append(fields, found[1])
			written++
		}
		require.NotRegexp(t, `set\[[^\]]+\] = [^,]*$|table\.insert\(set`, strings.ReplaceAll(body, "local ", ""), name)
		for _, field := range fields {
			found := literal.FindStringSubmatch(field)
			switch {
			case found == nil:
				require.True(t, computed[field] || strings.HasPrefix(field, "unpack("), "%s: what is %q?", name, field)
			case found[1] != "":
				require.Regexp(t, patterns["OF_CHALLENGE"], found[2], name)
			case name == "once" && found[2] == "o": // see numbers.lua
			default:
				require.Regexp(t, patterns["OF_RECORD"], found[2], name)
			}
		}
	}
	require.Greater(t, written, 7, "fields are found at all")
	for _, field := range append(letters(patterns["OF_RECORD"]), letters(patterns["OF_CHALLENGE"])...) {
		require.NotRegexp(t, patterns["OF_LIMITS"], field)
		require.NotRegexp(t, patterns["OF_PIECES"], field)
	}
	for _, field := range letters(patterns["OF_RECORD"]) {
		require.NotRegexp(t, patterns["OF_CHALLENGE"], field, "of the record or of the unbound challenge")
	}
	for _, field := range letters(patterns["UNLOCKED"]) {
		require.Regexp(t, patterns["OF_RECORD"], field)
	}
	for _, field := range []string{"o", "ot0123456789abcdef", "oh0123456789abcdef", "or0123456789abcdef"} {
		require.Equal(t, field != "o", patterns["OF_NUMBERS"].MatchString(field))
		for _, name := range []string{"OF_RECORD", "OF_LIMITS", "OF_CHALLENGE", "OF_PIECES", "UNLOCKED"} {
			require.NotRegexp(t, patterns[name], field, "what once remembers other scripts leave alone")
		}
	}
}

func TestRegistry_HasEveryFieldOfARandomRun(t *testing.T) {
	patterns := registry(t)
	b := rig.NewMini(t, time.Now().Truncate(time.Millisecond))
	seen := map[string]bool{}
	manyAttempts := []onetime.Option{onetime.WithKeep(5), onetime.WithMaxAttempts(10)}
	rig.Walk(t, b, 1000, manyAttempts, func() {
		for _, key := range b.Records(t) {
			for field := range b.Record(t, key) {
				by, ok := registered(patterns, field)
				require.True(t, ok, "%q is not in the registry", field)
				seen[by] = true
				seen[field] = true
			}
		}
	})
	for _, field := range append(letters(patterns["OF_RECORD"]), letters(patterns["OF_CHALLENGE"])...) {
		require.True(t, seen[field], "the run has written %q", field)
	}
	require.True(t, seen["OF_LIMITS"] && seen["OF_PIECES"])
}

// planted are right values of the fields of the registry that have one letter, given a slot of the challenge.
func planted(t *testing.T, field, slot string) string {
	t.Helper()
	const id = "twelve bytes"
	switch field {
	case "f", "F":
		return "1"
	case "r":
		return id
	case "u":
		return "x" + strings.Repeat("\x00", 30) + id
	case "e":
		return "8 bytes."
	case "i":
		return id
	case "w":
		return "mark"
	case "1", "2", "3", "4", "5":
		return slot
	}
	require.Fail(t, "give a right value of this new field", field)
	return ""
}

func TestRegistry_IssueFindsEveryFieldWithoutALookAtTheNames(t *testing.T) {
	patterns := registry(t)
	for name, binding := range map[string]onetime.CallOption{"": nil, "a browser": onetime.WithBinding("a browser")} {
		for _, of := range []string{"OF_RECORD", "OF_CHALLENGE"} {
			fields := letters(patterns[of])
			require.NotEmpty(t, fields)
			for _, field := range fields {
				b := rig.NewMini(t, time.Now().Truncate(time.Millisecond))
				m := b.Manager(t, onetime.WithSendLimits(), onetime.WithKeep(5))
				scope := rig.Challenge(m, rig.Alice, name).Scope()
				rig.MustOTP(t, m, binding)
				slot := b.Record(t, b.Only(t))[scope+"1"]
				require.NotEmpty(t, slot)
				at := field
				if of == "OF_CHALLENGE" {
					at = scope + field
				}
				require.NoError(t, b.Raw.HSet(t.Context(), b.Only(t), at, planted(t, field, slot)).Err())
				require.Zero(t, rig.RecordCommands(t, b, func() { rig.MustOTP(t, m, binding) })["hkeys"], "issue does not ask for %q", at)
			}
		}
	}
	// What is not in the registry does cost a look, so the test above can fail.
	b := rig.NewMini(t, time.Now().Truncate(time.Millisecond))
	m := b.Manager(t, onetime.WithSendLimits())
	rig.MustOTP(t, m)
	require.NoError(t, b.Raw.HSet(t.Context(), b.Only(t), "unknown", "1").Err())
	require.Equal(t, 1, rig.RecordCommands(t, b, func() { rig.MustOTP(t, m) })["hkeys"])
}

func TestRegistry_UnlockForgetsWhatItSaysAndTheLimits(t *testing.T) {
	patterns := registry(t)
	b := rig.NewMini(t, time.Now().Truncate(time.Millisecond))
	m := b.Manager(t, onetime.WithSendLimits(onetime.Limit{Burst: 9, Per: time.Hour}))
	link := rig.MustLink(t, m, onetime.WithPayload([]byte("payload")))
	rig.MustLink(t, m, onetime.WithPayload([]byte("payload")), onetime.WithBinding("a browser"))
	rig.Refused(t, rig.VerifyOTP(t, m, rig.WrongCodes(link.Code, 1)[0]), onetime.ErrMismatch)
	key := b.Only(t)
	slot, scope := b.Record(t, key)["1"], rig.Challenge(m, rig.Alice, "a browser").Scope()
	require.NotEmpty(t, b.Record(t, key)[scope+"1"])
	set := map[string]any{"s77": "5", "g77": "5", "S77": "5", "G77": "5", "unknown": "1", "ff": "1", "sx": "1", scope + "f": "1"}
	for _, field := range letters(patterns["OF_RECORD"]) {
		set[field] = planted(t, field, slot)
	}
	for _, field := range letters(patterns["OF_CHALLENGE"]) {
		set[field], set[scope+field] = planted(t, field, slot), planted(t, field, slot)
	}
	require.NoError(t, b.Raw.HSet(t.Context(), key, set).Err())

	want := b.Record(t, key)
	forgotten := 0
	for field := range want {
		if patterns["UNLOCKED"].MatchString(field) || patterns["OF_LIMITS"].MatchString(field) {
			delete(want, field)
			forgotten++
		}
	}
	require.Greater(t, forgotten, 4)
	require.NoError(t, m.Unlock(t.Context(), rig.Alice))
	require.Equal(t, want, b.Record(t, key))
}
