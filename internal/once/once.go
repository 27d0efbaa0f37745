// Package once uses up numbers that count once: time steps, counters, indexes of recovery codes. What a number belongs to is
// kept by the caller, in a row that is sealed; Redis decides races and limits, and may be lost.
package once

import (
	"context"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/script"
)

// Kinds of numbers.
const (
	Step    = "t" // a time step
	Counter = "h"
	Index   = "r" // of a recovery code
)

// Modes of a call.
const (
	Verify  = "v" // judge, charge, and set failures back on success
	Confirm = "c" // judge and charge: the secret is a new one, so a success tells nothing about failures
	Free    = "f" // judge without limits: nothing that can be guessed
)

// MaxNumber is the largest time step or counter that scripts store, MaxIndex the largest index.
const (
	MaxNumber = 1<<47 - 1
	MaxIndex  = 15
)

// A Number is one that what was typed matches.
type Number struct {
	Kind, Secret string // Secret is what keyring.Ring.Once returns for the kind
	// Used is what the caller's row says: the least number that is free, or the indexes that are used, index n as 1<<n.
	Used, Number int64
	// Period, of whole seconds, says which step Redis's time is, and Back and Ahead how many beside it count.
	Period      time.Duration
	Back, Ahead int
}

func (n Number) field() string {
	return "o" + n.Kind + hex.EncodeToString([]byte(n.Secret))
}

func (n Number) bytes(to []byte) []byte {
	to = append(append(to, n.field()...), byte(n.Period/time.Second), byte(n.Back), byte(n.Ahead))
	return appendSix(appendSix(to, n.Used), n.Number)
}

func appendSix(to []byte, n int64) []byte {
	return append(to, byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// A Call is one code that was shown.
type Call struct {
	Op, Mode string
	keyring.Challenge
	Group string
	// Local is the caller's time where a number is, or could be, a time step; zero otherwise.
	Local time.Time
	// Numbers are those that match, the one to take first first. None is a wrong code.
	Numbers []Number
}

// A Use is what a Call used up.
type Use struct {
	Number   Number
	Match    int       // which of the Call's it is
	At       time.Time // by the clock of Redis
	Call     string
	Repeated bool // it was used by another sending of the group
}

// Where the scripts are, once the root package is there.
var (
	use  = sync.OnceValue(func() *redis.Script { return redis.NewScript(core.WholeScript("once")) })
	undo = sync.OnceValue(func() *redis.Script { return redis.NewScript(core.WholeScript("onceundo")) })
)

// Run lets Redis judge.
func Run(ctx context.Context, c *core.Core, call Call) (Use, error) {
	id, limits, rates := keyring.Random(keyring.IDSize), c.Guesses.Fields, c.Guesses.Rates
	if call.Mode == Free {
		limits, rates = nil, ""
	}
	var local any = ""
	if !call.Local.IsZero() {
		local = call.Local.UnixMilli()
	}
	var numbers []byte
	for _, n := range call.Numbers {
		numbers = n.bytes(numbers)
	}
	terms := string([]byte{byte(len(limits)), call.Mode[0]}) + call.Group
	args := append([]any{id, terms, local, string(numbers), rates}, limits...)
	r, err := c.Runner.Run(ctx, script.Call{
		Op: call.Op, Script: use(), Key: call.RecordKey(c.Runner.Prefix), Args: args, Ack: true,
	})
	if err != nil {
		return Use{}, err
	}
	which, made := int(r.Number()), Use{At: r.Time(), Call: id}
	if r.More() {
		made.Call, made.Repeated = r.ID(), r.Flag()
	}
	if which < 1 || which > len(call.Numbers) || made.Repeated && call.Group == "" || made.Repeated == (made.Call == id) {
		r.Fail()
	}
	if err := r.End(call.Op); err != nil {
		return Use{}, err
	}
	made.Match, made.Number = which-1, call.Numbers[which-1]
	return made, nil
}

// A Ticket is what an Undo needs to know of a use.
type Ticket struct {
	keyring.Challenge
	Kind, Secret, Call string
}

// Undo gives the number back.
func Undo(ctx context.Context, c *core.Core, op string, t Ticket) error {
	return c.Runner.RunStatusOnly(ctx, script.Call{
		Op: op, Script: undo(), Key: t.RecordKey(c.Runner.Prefix), Args: []any{t.Call, Number{Kind: t.Kind, Secret: t.Secret}.field()},
	})
}

// Seal encrypts a Ticket under the first key of the ring.
func (t Ticket) Seal(r *keyring.Ring, id string) []byte {
	return r.SealTicket(keyring.Ticket{
		Challenge: keyring.Challenge{Purpose: label(t.Purpose, t.Kind), Tag: t.Tag, Binding: t.Secret}, Issue: id, Call: t.Call,
	})
}

// Open gives back a Ticket of the purpose, and the id that it was sealed with. It reports false for anything else.
func Open(r *keyring.Ring, purpose string, sealed []byte) (t Ticket, id string, ok bool) {
	for _, kind := range strings.Split(Step+Counter+Index, "") {
		if sealed, ok := r.OpenTicket(label(purpose, kind), sealed); ok {
			c := keyring.Challenge{Purpose: purpose, Tag: sealed.Tag, Binding: keyring.Unbound}
			return Ticket{c, kind, sealed.Binding, sealed.Call}, sealed.Issue, true
		}
	}
	return Ticket{}, "", false
}

// label is no name of a purpose, so that no ticket of a challenge is one of a number.
func label(purpose, kind string) string { return purpose + " once " + kind }
