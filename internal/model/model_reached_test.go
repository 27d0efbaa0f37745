package model

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

var reasons = map[error]string{
	onetime.ErrMalformed: "malformed", onetime.ErrMismatch: "mismatch", onetime.ErrNotFound: "not found",
	onetime.ErrUsed: "used", onetime.ErrExhausted: "exhausted", onetime.ErrBinding: "binding", onetime.ErrSubject: "subject",
	onetime.ErrThrottled: "throttled", onetime.ErrLocked: "locked", onetime.ErrDisabled: "disabled",
}

// wanted is what a run must reach, or it proves less than it seems to: of each operation what it can answer, and in what
// particular ways.
var wanted = map[string]string{
	"IssueOTP":            "yes, throttled, locked, disabled",
	"IssueToken":          "yes, throttled",
	"IssueLink":           "yes, throttled",
	"IssueLink with code": "yes, throttled",
	"IssueLink with code: yes, without it as codes are": "locked, disabled",

	"IssueOTP: yes,":            "repeated",
	"IssueToken: yes,":          "repeated",
	"IssueLink: yes,":           "repeated, repeated with a code",
	"IssueLink with code: yes,": "repeated",

	"VerifyOTP":            "yes, malformed, mismatch, not found, used, exhausted, locked, disabled, not its request",
	"VerifyOTP: mismatch,": "the last attempt, and locked, and disabled, and disabled for known browsers, charged before, of a replaced code",
	"VerifyOTP: yes,": "of a fixed code, with a payload, of an older issue, under a key that is not the first, after an Undo, " +
		"charged as a wrong code before, dead before the clock stepped back, repeated, under a request, " +
		"under a request that is not the first, of a known browser while codes of strangers are locked, " +
		"of a known browser while codes of strangers are disabled",
	"VerifyToken": "yes, malformed, mismatch, not found, used, binding, subject",
	"VerifyToken: yes,": "with a payload, of an older issue, under a key that is not the first, after an Undo, with another binding, " +
		"while codes are exhausted, while codes are locked, while codes are disabled, dead before the clock stepped back, " +
		"repeated",
	"InspectToken":       "yes, malformed, mismatch, not found, used, binding, subject",
	"InspectToken: yes,": "with another binding",

	"verification: yes, repeated,": "expired since the use",
	"verification: of a group,":    "too late",

	"Undo":          "yes, not found, used, of an inspection, by a ticket of another instance, by a ticket under an unknown key",
	"Undo: used,":   "since another sending was answered yes",
	"Undo again":    "yes, not found, used",
	"Cancel":        "live, used, nothing",
	"CancelQuietly": "live, used, nothing",
	"Revoke":        "live, used, nothing",
	"Erase":         "live, used, nothing",
	"Unlock":        "throttled, locked, disabled, nothing",

	"issue": "an exhausted code of before stays dead, a used challenge ends, a dead challenge goes, the oldest of 16 challenges goes, " +
		"of 17 challenges one that ended goes, what was undone before the use stays known, " +
		"of 17 challenges an older one of a known browser stays, throttled for known browsers",
	"issue: yes,":                               "of a known browser while strangers are throttled",
	"IssueOTP: locked for":                      "known browsers",
	"IssueOTP: disabled for":                    "known browsers",
	"issue: a dead challenge stays,":            "issued to of late, used of late",
	"issue: a group is new after its issue was": "ended, expired, used",

	"late issue":                    "not found, throttled, locked",
	"late issue: not found,":        "ended, expired, replaced, used",
	"late issue: yes,":              "known, forgotten, refused at first, of another sending",
	"late verification":             "yes, mismatch, not found, used, exhausted, locked, disabled",
	"late verification: not found,": "undone",
	"late Revoke or Erase":          "known",

	"limit":  "cut, dropped",
	"secret": "too far ahead of the clock, older than the policy keeps",
	"record": "ended, ended with failures",
}

// outcomes count how often each was reached.
type outcomes map[string]int

func (o outcomes) count(what string) { o[what]++ }

// missing returns what is wanted and was not reached.
func (o outcomes) missing() (none []string) {
	for op, list := range wanted {
		for what := range strings.SplitSeq(list, ", ") {
			name := op + ": " + what
			if strings.Contains(op, ":") {
				name = op + " " + what
			}
			if o[name] == 0 {
				none = append(none, name)
			}
		}
	}
	slices.Sort(none)
	return none
}

// report prints what was reached, and wants all of it if all must be.
func (o outcomes) report(t *testing.T, all bool) {
	t.Helper()
	var text strings.Builder
	for _, what := range slices.Sorted(maps.Keys(o)) {
		fmt.Fprintf(&text, "\n%8d %s", o[what], what)
	}
	t.Logf("reached:%s\nnot reached: %q", &text, o.missing())
	if all {
		require.Empty(t, o.missing(), "never reached")
	}
}
