package model_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// What a repeat must not do shows only where it comes at a certain moment. Here it does: the model explains what the one
// caller saw, and a model that does not know the repeat again does not.
func TestLinearizable_FindsForgottenRepeats(t *testing.T) {
	lost := func(c *caller) { c.proxy.LoseNext(1, nil) }
	held := func(c *caller) { c.late = true }
	for name, scene := range map[string]struct {
		play   func(ok func(err error), c *caller)
		forget rule
	}{
		"a use, sent again": {
			play: func(ok func(err error), c *caller) {
				ok(c.issue("IssueLink", 0, "", ""))
				lost(c)
				ok(c.verify("VerifyOTP", c.known.codes[0], ""))
			},
			forget: func(_ record, c call, a answer, after *record) {
				if a.used(c) {
					after.challenges[0].use = c.id + 1<<15
				}
			},
		},
		"a use, late, after its Undo": {
			play: func(ok func(err error), c *caller) {
				ok(c.issue("IssueLink", 0, "", ""))
				held(c)
				ok(c.verify("VerifyOTP", c.known.codes[0], ""))
				ok(c.undo(c.known.uses[0]))
				c.network.settle()
				ok(c.verify("VerifyOTP", c.known.codes[0], ""))
			},
			forget: func(_ record, c call, _ answer, after *record) {
				if c.op == "Undo" {
					after.challenges[0].use, after.challenges[0].undone = 0, 0
				}
			},
		},
		"a use, late, after its Undo and an issue that keeps": {
			play: func(ok func(err error), c *caller) {
				ok(c.issue("IssueLink", 0, "", ""))
				held(c)
				ok(c.verify("VerifyOTP", c.known.codes[0], ""))
				ok(c.undo(c.known.uses[0]))
				ok(c.issue("IssueLink", 0, "", ""))
				c.network.settle()
				ok(c.verify("VerifyOTP", c.known.codes[1], ""))
			},
			forget: func(_ record, c call, _ answer, after *record) {
				if c.op == "IssueLink" {
					after.challenges[0].use, after.challenges[0].undone = 0, 0
				}
			},
		},
		"an issue, sent again": {
			play: func(ok func(err error), c *caller) {
				lost(c)
				ok(c.issue("IssueOTP", 0, "", ""))
				ok(c.issue("IssueOTP", 0, "", "")) // the second of two
			},
			forget: func(before record, c call, _ answer, after *record) {
				if strings.HasPrefix(c.op, "Issue") && *after == before {
					after.sends++
				}
			},
		},
		"an issue, late, after its Cancel": {
			play: func(ok func(err error), c *caller) {
				held(c)
				ok(c.issue("IssueOTP", 0, "", ""))
				ok(c.cancel("Cancel", c.known.issues[0]))
				c.network.settle()
				ok(c.inquire())
			},
			forget: func(_ record, c call, _ answer, after *record) {
				if c.op == "Cancel" {
					after.challenges[0] = challenge{}
				}
			},
		},
		"a Revoke, late, after an issue": {
			play: func(ok func(err error), c *caller) {
				ok(c.issue("IssueOTP", 0, "", ""))
				held(c)
				ok(c.end("Revoke"))
				ok(c.issue("IssueOTP", 0, "", ""))
				c.network.settle()
				ok(c.inquire())
			},
			forget: func(_ record, _ call, _ answer, after *record) { after.revoke = 0 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			crew := newCrew(t, workload{callers: 1, faults: true, policy: func(*rand.Rand) onetime.Policy {
				return onetime.Policy{Keep: 2, MaxAttempts: 5, SendLimits: limit(2), GuessLimits: limit(100)}
			}}, newSeed(t))
			c := crew.callers[0]
			h := crew.play(t, func() { scene.play(func(err error) { require.NoError(t, err) }, c) })
			unseen := 0
			for _, o := range h.operations {
				if o.Output.(*answer) == nil {
					unseen++
				}
			}
			require.Equal(t, 1, unseen)
			require.Equal(t, porcupine.Ok, h.check(nil))
			require.Equal(t, porcupine.Illegal, h.check(scene.forget))
		})
	}
}
