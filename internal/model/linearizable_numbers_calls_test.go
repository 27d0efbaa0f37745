package model_test

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// A numberUse is a use that may be given back.
type numberUse struct {
	counted
	use once.Use
}

func (c *caller) challenge() keyring.Challenge {
	_, challenge, err := core.Of(c.manager).Challenge(c.subject, "")
	if err != nil {
		panic(err)
	}
	return challenge
}

// drawNumbers draws those that a code matches, of one secret or of two.
func (c *caller) drawNumbers() (all []counted) {
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	for range 1 + c.draw.IntN(5)/4 {
		n := counted{shown: true, secret: c.draw.IntN(secrets)}
		n.used = c.known.rows[n.secret]
		switch kinds[n.secret] {
		case once.Step: // of this round
			n.number = int64(c.network.began.Unix()/30) + int64(c.draw.IntN(4))
		case once.Counter:
			n.number = max(0, n.used-1+int64(c.draw.IntN(3)))
		default:
			n.number = int64(c.draw.IntN(5))
		}
		all = append(all, n)
	}
	return all
}

func (n counted) of() once.Number {
	number := once.Number{Kind: kinds[n.secret], Secret: fmt.Sprintf("secret %d", n.secret), Used: n.used, Number: n.number}
	if number.Kind == once.Step {
		number.Period, number.Back, number.Ahead = 30*time.Second, 200, 200
	}
	return number
}

// useNumber shows a code that matches numbers, a wrong one if there are none, and writes the row of a success.
func (c *caller) useNumber(shown []counted) error {
	in := call{op: "Use"}
	out := once.Call{Op: "Verify", Mode: once.Verify, Challenge: c.challenge(), Local: time.Now()}
	for i, n := range shown {
		in.numbers[i] = n
		out.Numbers = append(out.Numbers, n.of())
	}
	if form := c.form(); form != "" && len(shown) > 0 {
		out.Group = fmt.Sprintf("%012d", len(form)*100_000_000+shown[0].secret*10_000_000+int(shown[0].number%1_000_000))
		in.group = c.known.name(out.Group)
	}
	var made once.Use
	err := c.do(in, func(ctx context.Context) (a answer, err error) {
		if made, err = once.Run(ctx, core.Of(c.manager), out); err != nil {
			return answer{}, err
		}
		name := c.known.name(keyring.Encoding.EncodeToString([]byte(made.Call)))
		return answer{use: name, repeated: made.Repeated, match: made.Match + 1}, nil
	})
	if made.Call != "" {
		c.act(shown[made.Match], made)
	}
	return err
}

// act writes the row, unless the write is lost, and acts: if it was lost, too, or if nobody had written the number before.
func (c *caller) act(n counted, made once.Use) {
	lost := c.draw.Float64() < c.work.unwritten
	c.known.mu.Lock()
	defer c.known.mu.Unlock()
	c.known.given = append(c.known.given, numberUse{n, made})
	fresh := !n.takenBy(c.known.rows[n.secret])
	if !fresh && !lost {
		return
	}
	n.used = 0
	if c.known.acted[n] == nil {
		c.known.acted[n] = map[string]bool{}
	}
	c.known.acted[n][made.Call] = true
	switch {
	case lost:
	case kinds[n.secret] == once.Index:
		c.known.rows[n.secret] |= 1 << n.number
	default:
		c.known.rows[n.secret] = n.number + 1
	}
}

func (c *caller) giveBack(u numberUse) error {
	in := call{op: "GiveBack", numbers: [2]counted{u.counted}}
	ticket := once.Ticket{Challenge: c.challenge(), Kind: u.use.Number.Kind, Secret: u.use.Number.Secret, Call: u.use.Call}
	return c.do(in, func(ctx context.Context) (answer, error) {
		return answer{}, once.Undo(ctx, core.Of(c.manager), "Undo", ticket)
	})
}

// lose has Redis forget the record.
func (c *caller) lose() error {
	key := c.challenge().RecordKey(core.Of(c.manager).Runner.Prefix)
	return c.do(call{op: "Lose"}, func(ctx context.Context) (answer, error) {
		c.id = 0
		return answer{}, c.client.Eval(ctx, "return redis.call('DEL', KEYS[1])", []string{key}).Err()
	})
}
