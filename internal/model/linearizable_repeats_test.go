package model_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
)

// A scene is played by one caller. What a repeat must not do shows only where it comes at a certain moment: here it does.
type scene struct {
	play   func(ok func(err error), c *caller)
	forget rule // what a model forgets that does not know the repeat again
	flaw   flaw // of a script that does not know it, if there is one to show
}

// lose has the reply to the next command lost, so that it is sent again.
func lose(c *caller) { c.proxy.LoseNext(1, nil) }

// hold has the next command sent again, and its first copy run when the network settles.
func hold(c *caller) { c.late = true }

func forgetUndone(op string) rule {
	return func(_ record, c call, _ answer, after *record) {
		if c.op == op {
			after.challenges[0].undone = 0
		}
	}
}

func forgetReplaced(_ record, _ call, _ answer, after *record) {
	after.challenges[0].replaced = [8]name{}
}

const form = "the one form of a scene"

// useAndUndo uses a code and gives it back. The first copy of the use is held back.
func useAndUndo(ok func(err error), c *caller, form string) {
	ok(c.issue("IssueLink", 0, "", ""))
	hold(c)
	ok(c.verify("VerifyOTP", c.known.codes[0], form))
	ok(c.undo(c.known.uses[0]))
}

var scenes = map[string]scene{
	"a use, sent again": {
		play: func(ok func(err error), c *caller) {
			ok(c.issue("IssueLink", 0, "", ""))
			lose(c)
			ok(c.verify("VerifyOTP", c.known.codes[0], ""))
		},
		forget: func(_ record, c call, a answer, after *record) {
			if a.used(c) {
				after.challenges[0].use = c.id + 1<<15
			}
		},
		flaw: flaw{"verify", "local mine = used and used_call == id", "local mine = false"},
	},
	"a use, late, after its Undo": {
		play: func(ok func(err error), c *caller) {
			useAndUndo(ok, c, "")
			c.network.settle()
			ok(c.verify("VerifyOTP", c.known.codes[0], ""))
		},
		forget: forgetUndone("Undo"),
		flaw:   flaw{"undo", "NONE .. NONE .. id", "NONE .. NONE .. NONE"},
	},
	"a use, late, after its Undo and an issue that keeps": {
		play: func(ok func(err error), c *caller) {
			useAndUndo(ok, c, "")
			ok(c.issue("IssueLink", 0, "", ""))
			c.network.settle()
			ok(c.verify("VerifyOTP", c.known.codes[1], ""))
		},
		forget: forgetUndone("IssueLink"),
		flaw:   flaw{"issue", "elseif used then", "elseif values[1] then"},
	},
	"a use, late, after its Undo, another use and an issue": {
		play: func(ok func(err error), c *caller) {
			useAndUndo(ok, c, "")
			ok(c.verify("VerifyToken", c.known.tokens[0], ""))
			ok(c.issue("IssueLink", 0, "", ""))
			c.network.settle()
			ok(c.inquire()) // no wrong code was charged
		},
		forget: forgetUndone("VerifyToken"),
		flaw:   flaw{"issue", "if used and undone ~= NONE then", "if false then"},
	},
	"a use, late, after its Undo and another sending": {
		play: func(ok func(err error), c *caller) {
			useAndUndo(ok, c, form)
			ok(c.verify("VerifyOTP", c.known.codes[0], form))
			c.network.settle()
			ok(c.undo(c.known.uses[1])) // nobody was told of this use but who made it
		},
		forget: forgetUndone("VerifyOTP"),
		flaw:   flaw{"verify", "id .. (undone or NONE)", "id .. NONE"},
	},
	"an issue, sent again": {
		play: func(ok func(err error), c *caller) {
			ok(c.issue("IssueOTP", 0, "", ""))
			lose(c)
			ok(c.issue("IssueOTP", 0, "", ""))
			ok(c.issue("IssueOTP", 0, "", "")) // the third of three
		},
		forget: func(before record, c call, _ answer, after *record) {
			if strings.HasPrefix(c.op, "Issue") && *after == before {
				after.sends++
			}
		},
		flaw: flaw{"issue", "local own = sub(slot, 1, ID) == id", "local own = false"},
	},
	"an issue, late, after another": {
		play: func(ok func(err error), c *caller) {
			hold(c)
			ok(c.issue("IssueOTP", 0, "", ""))
			ok(c.verify("VerifyOTP", c.known.codes[0], ""))
			ok(c.issue("IssueOTP", 0, "", ""))
			c.network.settle()
			ok(c.verify("VerifyOTP", c.known.codes[0], ""))
		},
		forget: forgetReplaced,
		flaw:   flaw{"issue", "if sub(before, i, i + 7) == sub(id, 1, 8) then", "if false then"},
	},
	"an issue of a form, late, after another form": {
		play: func(ok func(err error), c *caller) {
			hold(c)
			ok(c.issue("IssueOTP", 0, "", form))
			ok(c.cancel("Cancel", c.known.issues[0]))
			ok(c.issue("IssueOTP", 0, "", form+", filled in again"))
			c.network.settle()
			ok(c.verify("VerifyOTP", c.known.codes[0], ""))
		},
		forget: forgetReplaced,
		flaw:   flaw{"issue", "replaced = replaced .. sub(slot, 1, 8)", ""},
	},
	"an issue, late, after its Cancel": {
		play: func(ok func(err error), c *caller) {
			hold(c)
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
		flaw: flaw{"issue", "return alive and {id, OK, coded, wait} or {id, NOT_FOUND}", "if alive then return {id, OK, coded, wait} end"},
	},
	"an issue, late, after a Revoke and a stranger's issue": {
		play: func(ok func(err error), c *caller) {
			hold(c)
			ok(c.issue("IssueOTP", 1, "", ""))
			ok(c.end("Revoke"))
			ok(c.issue("IssueOTP", 0, "", ""))
			c.network.settle()
			ok(c.verify("VerifyOTP", c.known.codes[0], ""))
		},
		forget: func(_ record, c call, _ answer, after *record) {
			if c.challenge == 0 && c.op == "IssueOTP" {
				after.challenges[1] = challenge{}
			}
		},
		flaw: flaw{"issue", "local fresh = newest > now - REMEMBERED or", "local fresh ="},
	},
	"a Revoke, late, after an issue": {
		play:   func(ok func(err error), c *caller) { endLate(ok, c, "Revoke") },
		forget: func(_ record, _ call, _ answer, after *record) { after.revoke = 0 },
		flaw:   flaw{"revoke", "call('HGET', KEYS[1], 'r') == id", "false"},
	},
	"an Erase, late, after an issue": {
		play:   func(ok func(err error), c *caller) { endLate(ok, c, "Erase") },
		forget: func(_ record, _ call, _ answer, after *record) { after.revoke = 0 },
		flaw:   flaw{"revoke", "{'i', 'u', 'w'}", "{'i', 'u', 'w', 'r'}"},
	},
}

func endLate(ok func(err error), c *caller, op string) {
	ok(c.issue("IssueOTP", 0, "", ""))
	hold(c)
	ok(c.end(op))
	ok(c.issue("IssueOTP", 0, "", ""))
	c.network.settle()
	ok(c.inquire())
}

// The model explains what the caller saw. A model that forgets does not, and the model does not explain a script that does.
func TestLinearizable_FindsForgottenRepeats(t *testing.T) {
	work := workload{callers: 1, faults: true, policy: func(*rand.Rand) onetime.Policy {
		return onetime.Policy{Keep: 2, MaxAttempts: 5, SendLimits: limit(3), GuessLimits: limit(100)}
	}}
	for name, scene := range scenes {
		t.Run(name, func(t *testing.T) {
			played := func(f flaw) history {
				crew := newCrew(t, work.with(func(w *workload) { w.flaw = f }), newSeed(t))
				return crew.play(t, func() { scene.play(func(err error) { require.NoError(t, err) }, crew.callers[0]) })
			}
			h := played(flaw{})
			unseen := 0
			for _, o := range h.operations {
				if o.Output.(*answer) == nil {
					unseen++
				}
			}
			require.Equal(t, 1, unseen)
			require.Equal(t, porcupine.Ok, h.check(nil))
			require.Equal(t, porcupine.Illegal, h.check(scene.forget))
			require.Equal(t, porcupine.Illegal, played(scene.flaw).check(nil))
		})
	}
}
