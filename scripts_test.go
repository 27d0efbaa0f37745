package onetime_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

var scriptNames = []string{"issue", "verify", "undo", "revoke", "unlock", "status"}

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
	require.EqualValues(t, onetime.PieceSize, numbers["PIECE"])

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

func TestReply_OfTheWrongShapeIsNeverASuccess(t *testing.T) {
	setup, _ := onetimetest.New(t)
	id := "twelve bytes"
	right := map[string][]any{ // what follows the id of the call
		"IssueOTP":     {int64(1), int64(1), int64(0)},
		"IssueToken":   {int64(1), int64(0), int64(0)},
		"IssueLink":    {int64(1), int64(1), int64(0)},
		"VerifyOTP":    {int64(1), id, int64(1700000000000), int64(1), ""},
		"VerifyToken":  {int64(1), id, int64(1700000000000), int64(1), "sealed"},
		"InspectToken": {int64(1), id, int64(1700000000000), int64(1), "sealed"},
		"Cancel":       {int64(1)},
		"Revoke":       {int64(1)},
		"Unlock":       {int64(1)},
		"Status": {int64(1), int64(0), int64(0), int64(0), int64(0),
			id, int64(1), int64(0), int64(0), int64(0), int64(5), int64(1700000000000), int64(1000)},
	}
	var answer func(args []any) (any, error)
	m, err := onetime.New(rig.Teller{Answer: func(args []any) (any, error) { return answer(args) }}, onetimetest.Key,
		onetime.WithLinkBase("https://example.com/in"))
	require.NoError(t, err)
	for name, call := range rig.Operations(t, setup, m) {
		reply := func(values ...any) {
			answer = func(args []any) (any, error) { return append([]any{args[0]}, values...), nil }
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
			if name != "Status" || i != 5 { // a Status with nothing pending
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
