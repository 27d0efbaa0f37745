package factor

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/code"
	"github.com/seed-3f7b73d1/onetime/internal/core"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// skew is how far the local clock may be from that of Redis, which the script holds it against.
const skew = 90 * time.Second

// A Proof is a Verification, and what has to be stored before anybody acts on it.
type Proof struct {
	onetime.Verification
	// Blob takes the place of the one that verified, by compare-and-set: the code is used in it, too. Whoever loses the race
	// must not act: see [Factors.VerifyIn], which does all that.
	Blob []byte
	// Index says which of the blobs verified.
	Index int
	// Drift is how many time steps the person's clock is ahead of Redis's, or behind if it is negative; of a token that counts, how
	// many codes were made in vain.
	Drift int
	// Left is how many recovery codes are not used.
	Left int

	row    *row
	number int64
	call   string // as scripts know it
}

// Verify takes a code of an authenticator app or a hardware token as it was typed, and up to 5 blobs of the account; those that
// are pending are passed over. nil means verified, once: store the Proof's Blob by compare-and-set before acting on it. A
// code of an app is good for the steps of [WithWindow] by Redis's clock.
//
// A refusal is [onetime.ErrMalformed], [onetime.ErrMismatch], whose AttemptsLeft is how many wrong codes the guess limits
// still let pass, [onetime.ErrNotFound] without a live blob, [onetime.ErrUsed], [onetime.ErrLocked] or
// [onetime.ErrDisabled]. A blob that does not open is undecided, see [ErrBlob], and so is a local clock more than 90 s from
// Redis's, see [ErrClock]; neither is charged. After an undecided error the code may have been used: the person waits for
// the next. It takes [onetime.Idempotent].
func (f *Factors) Verify(ctx context.Context, account, code string, blobs [][]byte, opts ...onetime.VerifyOption) (Proof, error) {
	return f.observed(ctx, "factor.Verify", func(a *attempt) (Proof, error) {
		if err := a.begin(f, account, opts); err != nil {
			return Proof{}, err
		}
		return f.verify(ctx, a, code, blobs)
	})
}

// Resync takes two consecutive codes of a token that counts, the first at most 100 counters after the next one (RFC 4226 section
// 7.4), because its button was pressed more often than [WithLookAhead] lets pass. They are charged as one code. Else it is
// as [Factors.Verify].
func (f *Factors) Resync(ctx context.Context, account string, blob []byte, first, second string, opts ...onetime.VerifyOption) (Proof, error) {
	return f.observed(ctx, "factor.Resync", func(a *attempt) (Proof, error) {
		if err := a.begin(f, account, opts); err != nil {
			return Proof{}, err
		}
		r, err := f.open(a.account, blob)
		if err != nil {
			return Proof{}, undecided(a.op, err)
		}
		if r.kind != once.Counter {
			return Proof{}, invalid("Resync: want the blob of a token that counts")
		}
		if r.pending {
			return Proof{}, f.denied(onetime.ErrNotFound)
		}
		one, ok1 := code.Digits.Clean(first, r.digits)
		two, ok2 := code.Digits.Clean(second, r.digits)
		if !ok1 || !ok2 {
			return Proof{}, f.denied(onetime.ErrMalformed)
		}
		code := r.codes()
		var numbers []once.Number
		for n := min(r.free+resyncAhead, once.MaxNumber-2); n >= r.free; n-- {
			if same(code(n), one)&same(code(n+1), two) == 1 {
				numbers = append(numbers, f.number(a, r, n+1))
			}
		}
		return f.use(ctx, a, once.Verify, []*row{r}, []int{0}, [][]once.Number{numbers}, one+two)
	})
}

const resyncAhead = 100

// An attempt is one call.
type attempt struct {
	op      string
	typed   string // the account
	account string // the same in its own spelling
	who     keyring.Challenge
	key     string // of Idempotent
	kind    string // for the observer
	id      string
	now     time.Time
}

// observed tells the observer of a call.
func (f *Factors) observed(ctx context.Context, op string, do func(a *attempt) (Proof, error)) (Proof, error) {
	a, start := &attempt{op: op, now: f.core.Now()}, time.Now()
	p, err := do(a)
	f.core.Observe(ctx, op, a.kind, a.id, a.who.Tag, err, start)
	if err != nil {
		return Proof{}, err
	}
	return p, nil
}

func (a *attempt) begin(f *Factors, account string, opts []onetime.VerifyOption) (err error) {
	a.typed = account
	if a.account, a.who, err = f.who(account); err != nil {
		return err
	}
	a.key, err = core.IdempotencyKey(a.op, opts)
	return err
}

// verify opens blobs and judges a code by those that are live.
func (f *Factors) verify(ctx context.Context, a *attempt, shown string, blobs [][]byte) (Proof, error) {
	if len(blobs) > maxBlobs {
		return Proof{}, invalid("Verify: %d blobs: want at most %d", len(blobs), maxBlobs)
	}
	var rows []*row
	var places []int
	for i, blob := range blobs {
		r, err := f.open(a.account, blob)
		if err != nil {
			return Proof{}, undecided(a.op, err)
		}
		if r.kind != once.Index && !r.pending {
			rows, places = append(rows, r), append(places, i)
		}
	}
	if len(rows) == 0 {
		return Proof{}, f.denied(onetime.ErrNotFound)
	}
	return f.judge(ctx, a, once.Verify, rows, places, shown)
}

// judge finds the numbers that a code matches, and lets Redis decide.
func (f *Factors) judge(ctx context.Context, a *attempt, mode string, rows []*row, places []int, shown string) (Proof, error) {
	var clean string
	numbers := make([][]once.Number, len(rows))
	for i, r := range rows {
		typed, ok := code.Digits.Clean(shown, r.digits)
		if !ok {
			continue
		}
		clean = typed
		code := r.codes()
		first, last := f.compared(a, r)
		// The highest comes first: where the digits of two numbers are the same, taking it uses up both.
		for n := last; n >= first; n-- {
			if same(code(n), typed) == 1 {
				numbers[i] = append(numbers[i], f.number(a, r, n))
			}
		}
	}
	if clean == "" {
		return Proof{}, f.denied(onetime.ErrMalformed)
	}
	return f.use(ctx, a, mode, rows, places, numbers, clean)
}

// compared returns the first and the last number that a code is compared with. Of time steps they are those that may be in the
// window by Redis's clock. Of counters some that are used are among them, so that a code that was typed twice is known.
func (f *Factors) compared(a *attempt, r *row) (first, last int64) {
	if r.kind == once.Counter {
		return max(0, r.free-1-int64(f.lookAhead)), min(r.free+int64(f.lookAhead), once.MaxNumber-1)
	}
	step, apart := a.now.Unix()/int64(r.period/time.Second), int64((skew+r.period-1)/r.period)
	return max(0, step-apart-int64(f.back)), step + apart + int64(f.ahead)
}

func same(a, b string) int { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) }

// number is one that scripts judge.
func (f *Factors) number(a *attempt, r *row, number int64) once.Number {
	n := once.Number{Kind: r.kind, Secret: f.core.Ring.Once(a.who, r.kind, r.secret()), Used: r.usedNumbers(), Number: number}
	if r.kind == once.Step {
		n.Period, n.Back, n.Ahead = r.period, f.back, f.ahead
	}
	return n
}

// use lets Redis use up one of the numbers that match, of each row its own.
func (f *Factors) use(ctx context.Context, a *attempt, mode string, rows []*row, places []int, matches [][]once.Number, clean string) (Proof, error) {
	call := once.Call{Op: a.op, Mode: mode, Challenge: a.who}
	var of []int
	for i, numbers := range matches {
		used := usedIn(rows, rows[i])
		for _, n := range numbers {
			n.Used = used
			of, call.Numbers = append(of, i), append(call.Numbers, n)
		}
		if rows[i].kind == once.Step {
			call.Local = a.now
		}
	}
	if a.key != "" {
		call.Group = f.core.Ring.Group(a.op, a.who, "once", clean, a.key)
	}
	made, err := once.Run(ctx, f.core, call)
	if err != nil {
		return Proof{}, err
	}
	i := of[made.Match]
	r := rows[i]
	p := Proof{Index: places[i], row: r, number: made.Number.Number, call: made.Call}
	switch r.kind {
	case once.Step:
		p.Drift = int(p.number - made.At.Unix()/int64(r.period/time.Second))
	case once.Counter:
		p.Drift = int(max(0, p.number-r.free))
	}
	r.mark(p.number, p.call)
	p.Left = r.left()
	p.Blob = f.seal(a.account, r)
	p.Verification = f.verification(a, r, made)
	return p, nil
}

// usedIn is what rows have used of the secret of one of them: in whichever of them a use was stored, the others know of it.
func usedIn(rows []*row, of *row) int64 {
	used, secret := of.usedNumbers(), of.secret()
	for _, r := range rows {
		switch {
		case r == of || r.kind != of.kind || r.secret() != secret:
		case of.kind == once.Index:
			used |= r.usedNumbers()
		default:
			used = max(used, r.usedNumbers())
		}
	}
	return used
}

var kinds = map[string]string{once.Step: onetime.KindTOTP, once.Counter: onetime.KindHOTP, once.Index: onetime.KindRecovery}

func (f *Factors) verification(a *attempt, r *row, made once.Use) onetime.Verification {
	ticket := once.Ticket{Challenge: a.who, Kind: r.kind, Secret: made.Number.Secret, Call: made.Call}
	a.kind, a.id = kinds[r.kind], keyring.Encoding.EncodeToString([]byte(r.id))
	return f.core.Verification(core.Proof{
		Subject: a.account, Kind: a.kind, Issue: r.id, Call: made.Call, IssuedAt: r.created, Repeated: made.Repeated,
		Undo:   func(ctx context.Context) error { return f.undo(ctx, "factor.Undo", ticket, a.id) },
		Ticket: func() []byte { return ticket.Seal(f.core.Ring, r.id) },
	}).(onetime.Verification)
}

// UndoTicket is [onetime.Verification.Undo] by a ticket of [onetime.Verification.UndoTicket] of these Factors: for what failed
// before the Blob was stored. Afterwards the blob itself refuses the code. It is [onetime.ErrInvalid] if the ticket is none
// of them.
func (f *Factors) UndoTicket(ctx context.Context, ticket []byte) error {
	t, id, ok := once.Open(f.core.Ring, f.core.Purpose, ticket)
	if !ok {
		err := invalid("UndoTicket: want what UndoTicket of a Proof returned, of this purpose and these keys")
		f.core.Observe(ctx, "factor.UndoTicket", "", "", "", err, time.Now())
		return err
	}
	return f.undo(ctx, "factor.UndoTicket", t, keyring.Encoding.EncodeToString([]byte(id)))
}

func (f *Factors) undo(ctx context.Context, op string, t once.Ticket, id string) error {
	start := time.Now()
	err := once.Undo(ctx, f.core, op, t)
	f.core.Observe(ctx, op, kinds[t.Kind], id, t.Tag, err, start)
	return err
}
