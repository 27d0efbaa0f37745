package suite_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimetest"
)

// docs/threat-model.md derives what is held here: the bound against a computation, and against the scripts.

const (
	oddsDay  = 24 * time.Hour
	oddsYear = 365 * oddsDay
)

// wrongCodes is N(T) of the derivation, in whole numbers: the wrong codes that the tightest limit lets be evaluated.
func wrongCodes(limits []onetime.Limit, horizon time.Duration) int64 {
	least := int64(math.MaxInt64)
	for _, l := range limits {
		least = min(least, int64(l.Burst)+int64(l.Burst)*horizon.Milliseconds()/l.Per.Milliseconds())
	}
	return least
}

// codes is how many codes a policy has.
func codes(p onetime.Policy) float64 {
	letters := 10.0
	if p.Alphabet == onetime.Crockford32 {
		letters = 32
	}
	return math.Pow(letters, float64(p.CodeLength))
}

func TestGuessingOdds(t *testing.T) {
	const day = 24 * time.Hour
	policy := rig.Offline(t).Policy()
	with := func(change func(*onetime.Policy)) onetime.Policy {
		p := policy
		change(&p)
		return p
	}
	letters := with(func(p *onetime.Policy) { p.Alphabet = onetime.Crockford32 })
	for name, c := range map[string]struct {
		policy  onetime.Policy
		horizon time.Duration
		want    float64
	}{
		"no time":             {policy, 0, 10.0 / 1e6},
		"below no time":       {policy, -365 * day, 10.0 / 1e6},
		"an hour":             {policy, time.Hour, 20.0 / 1e6},
		"just under an hour":  {policy, time.Hour - time.Millisecond, 19.0 / 1e6},
		"a day":               {policy, day, 51.0 / 1e6},
		"a year":              {policy, 365 * day, 658.0 / 1e6},
		"8 digits":            {with(func(p *onetime.Policy) { p.CodeLength = 8 }), 365 * day, 658.0 / 1e8},
		"Crockford32":         {letters, 365 * day, 658.0 / (1 << 30)},
		"Keep 2":              {with(func(p *onetime.Policy) { p.Keep = 2 }), 365 * day, 2 * 658.0 / 1e6},
		"Keep 5":              {with(func(p *onetime.Policy) { p.Keep = 5 }), day, 5 * 51.0 / 1e6},
		"attempts":            {with(func(p *onetime.Policy) { p.MaxAttempts = 16 }), day, 51.0 / 1e6},
		"one limit":           {with(func(p *onetime.Policy) { p.GuessLimits = p.GuessLimits[:1] }), day, 250.0 / 1e6},
		"no limit":            {with(func(p *onetime.Policy) { p.GuessLimits = nil }), 0, 1},
		"zero Policy":         {onetime.Policy{}, time.Hour, 1},
		"zero Limit":          {with(func(p *onetime.Policy) { p.GuessLimits = []onetime.Limit{{}} }), 0, 1},
		"no Keep counts as 1": {with(func(p *onetime.Policy) { p.Keep = 0 }), day, 51.0 / 1e6},
		"capped": {with(func(p *onetime.Policy) {
			p.GuessLimits, p.Keep = []onetime.Limit{{Burst: 100, Per: time.Second}}, 5
		}), 365 * day, 1},
	} {
		require.InEpsilon(t, c.want, c.policy.GuessingOdds(c.horizon), 1e-9, name)
	}
}

// What the comments of the options say of the chance of guessing.
func TestGuessingOdds_DocumentedNumbers(t *testing.T) {
	const year = 365 * 24 * time.Hour
	percent := func(opts ...onetime.Option) float64 { return 100 * rig.Offline(t, opts...).Policy().GuessingOdds(year) }
	require.InDelta(t, 0.066, percent(), 0.0005)
	require.InDelta(t, 0.00066, percent(onetime.WithCodeLength(8)), 0.000005)
	require.InDelta(t, 0.000061, percent(onetime.WithAlphabet(onetime.Crockford32)), 0.0000005)
	require.InDelta(t, 0.13, percent(onetime.WithKeep(2)), 0.005)
	require.Equal(t, percent(), percent(onetime.WithMaxAttempts(16), onetime.WithOTPTTL(10*time.Minute)))
}

// A bucket is one GCRA in milliseconds, written without a look at the script: tokens that drip in one by one.
type bucket struct{ step, burst, tokens, since int64 }

func newBuckets(limits []onetime.Limit) []*bucket {
	var buckets []*bucket
	for _, l := range limits {
		per, burst := l.Per.Milliseconds(), int64(l.Burst)
		step := per / burst
		if per%burst != 0 {
			step++
		}
		buckets = append(buckets, &bucket{step: step, burst: burst, tokens: burst})
	}
	return buckets
}

// wait is how long after now every bucket has a token. Fewer than none are owed.
func wait(buckets []*bucket, now int64) (longest int64) {
	for _, b := range buckets {
		if came := (now - b.since) / b.step; b.tokens+came >= b.burst {
			b.tokens, b.since = b.burst, now
		} else {
			b.tokens, b.since = b.tokens+came, b.since+came*b.step
		}
		if b.tokens < 1 {
			longest = max(longest, b.since+(1-b.tokens)*b.step-now)
		}
	}
	return longest
}

// take takes a token of every bucket, after wait brought them up to now.
func take(buckets []*bucket, now int64) {
	for _, b := range buckets {
		if b.tokens == b.burst {
			b.since = now // what drips into a full bucket is lost
		}
		b.tokens--
	}
}

// greedy guesses as early as it can, at codes that it asks for as soon as it needs them. The person signs in so often
// that codes are never disabled. It returns the guesses that were evaluated, and the chance that one of them was right:
// each code is drawn by itself, so all are missed with the product of what each is missed with, and a code is missed by n
// different guesses with 1 - n/codes.
func greedy(p onetime.Policy, horizon time.Duration) (guesses int64, chance float64) {
	type code struct{ expires, guesses int64 }
	var live []code
	var missed float64 // logarithm
	end := func(n int) {
		for _, c := range live[:n] {
			missed += math.Log1p(-float64(c.guesses) / codes(p))
		}
		live = live[n:]
	}
	limits, sends, left := newBuckets(p.GuessLimits), newBuckets(p.SendLimits), 0
	for now := int64(0); now <= horizon.Milliseconds(); {
		for len(live) > 0 && now >= live[0].expires {
			end(1)
		}
		if w := wait(limits, now); w > 0 {
			now += w
			continue
		}
		// The last attempt is left where it would end older codes that still count.
		if len(live) < p.Keep || left == 0 || p.Keep > 1 && left == 1 {
			w := wait(sends, now)
			if w == 0 {
				take(sends, now)
				if left == 0 {
					end(len(live))
				}
				end(max(0, len(live)-p.Keep+1))
				live, left = append(live, code{expires: now + p.OTPTTL.Milliseconds()}), p.MaxAttempts
				continue
			}
			if len(live) == 0 || left == 0 || w <= p.OTPTTL.Milliseconds()/int64(2*p.Keep) {
				now += w
				continue
			}
		}
		take(limits, now)
		guesses++
		left--
		for i := range live {
			live[i].guesses++
		}
	}
	end(len(live))
	return guesses, -math.Expm1(missed)
}

func TestGuessingOdds_BoundsTheExactChance(t *testing.T) {
	t.Parallel()
	limit := func(burst int, per time.Duration) onetime.Limit { return onetime.Limit{Burst: burst, Per: per} }
	for name, c := range map[string]struct {
		opts     []onetime.Option
		horizons []time.Duration
	}{
		"default": {nil, []time.Duration{time.Hour, oddsDay, 30 * oddsDay, oddsYear}},
		"8 digits, two are kept": {
			[]onetime.Option{onetime.WithCodeLength(8), onetime.WithKeep(2)},
			[]time.Duration{30 * oddsDay, oddsYear},
		},
		"Crockford32, an interval that is no whole number of milliseconds": {
			[]onetime.Option{onetime.WithAlphabet(onetime.Crockford32), onetime.WithSendLimits(), onetime.WithGuessLimits(limit(7, time.Hour))},
			[]time.Duration{time.Hour, oddsDay, oddsYear},
		},
		"five are kept, three limits, the caller limits sends": {
			[]onetime.Option{
				onetime.WithKeep(5), onetime.WithMaxAttempts(16), onetime.WithSendLimits(), onetime.WithOTPTTL(10 * time.Minute),
				onetime.WithGuessLimits(limit(3, time.Minute), limit(20, time.Hour), limit(70, oddsDay)),
			},
			[]time.Duration{0, time.Hour, oddsDay, 30 * oddsDay},
		},
		"so loose that the chance is large": {
			[]onetime.Option{onetime.WithMaxAttempts(1), onetime.WithSendLimits(), onetime.WithGuessLimits(limit(100, time.Minute))},
			[]time.Duration{time.Second, time.Hour, oddsDay, 2 * oddsDay},
		},
	} {
		p := rig.Offline(t, c.opts...).Policy()
		for _, horizon := range c.horizons {
			guesses, chance := greedy(p, horizon)
			bound := p.GuessingOdds(horizon)
			require.LessOrEqual(t, guesses, wrongCodes(p.GuessLimits, horizon), "%s, %s", name, horizon)
			require.LessOrEqual(t, chance, bound, "%s, %s", name, horizon)
			require.GreaterOrEqual(t, chance, 0.8*bound, "%s, %s: within 20 %%", name, horizon)
		}
	}
}

// A campaign is somebody who guesses the codes of one person, in the scripts themselves, on a clock that is moved.
type campaign struct {
	t      *testing.T
	m      *onetime.Manager
	clock  *onetimetest.Clock
	random *rand.Rand
	start  time.Time

	bindings []onetime.CallOption
	browser  onetime.CallOption // of a thief: a credential of the person's, which the next sign-in replaces
	thief    *campaign          // guesses beside, under the limits of known browsers

	patient bool      // never gets as far as 85 wrong codes in a row
	spares  []*bucket // what is left if a guess is spared, so that codes are not locked and the person can use them
	bold    bool      // spares nothing until codes are locked, in case that the person's sign-in gave guesses back

	which     int         // of the bindings
	pending   onetime.OTP // what the guesser asked for; it has an ID while it is worth guessing at
	expires   time.Time
	left      int
	last      string          // the wrong code before
	known     map[string]bool // codes that were issued, so that chance decides nothing
	next      int             // the next guess; none is made twice
	inARow    int
	cycle     time.Time // when the first of these was made
	evaluated []int64   // ms from the start
	signIns   int
	byCode    int
	undone    int
	disabled  int // calls that were refused as disabled
}

const campaignSubject = "alice@example.com"

// The bindings of the guesser's browsers; the person has one of their own.
var campaignBindings = []onetime.CallOption{onetime.WithBinding("browser 1"), onetime.WithBinding("browser 2")}

// reason splits an answer, which must not be undecided.
func (c *campaign) reason(err error) *onetime.DeniedError {
	if err == nil {
		return &onetime.DeniedError{}
	}
	var denied *onetime.DeniedError
	require.ErrorAs(c.t, err, &denied)
	return denied
}

// act does one thing that the guesser can do, and returns how long to wait until the next.
func (c *campaign) act() time.Duration {
	ctx, now := c.t.Context(), c.clock.Now()
	if c.patient && c.inARow == 84 {
		// Once the record is gone, nothing remembers the row. It lives until the slowest limit is refilled.
		for _, l := range c.m.Policy().GuessLimits {
			step := (l.Per.Milliseconds() + int64(l.Burst) - 1) / int64(l.Burst)
			if rest := c.cycle.Add(time.Duration(84*step) * time.Millisecond).Sub(now); rest > 0 {
				return rest
			}
		}
		c.inARow = 0
	}
	if c.browser != nil && c.inARow == 14 {
		return time.Hour // the fifteenth would disable codes; the person's next sign-in ends the row
	}
	since := now.Sub(c.start).Milliseconds()
	if ms := wait(c.spares, since); ms > 0 && !c.bold {
		return time.Duration(ms) * time.Millisecond
	}
	if c.pending.ID == "" || !now.Before(c.expires) || c.left == 0 {
		return c.ask()
	}
	switch c.random.IntN(40) {
	case 0: // another browser, and a code of its own
		c.which = c.random.IntN(len(c.bindings))
		return c.ask()
	case 1: // a new code in the same browser refills the attempts
		return c.ask()
	case 2: // whoever runs the service may cancel, since the mail bounced
		require.NoError(c.t, c.m.Cancel(ctx, campaignSubject, c.pending.ID))
		c.pending = onetime.OTP{}
		return 0
	case 3: // or revoke, since the person asked to
		require.NoError(c.t, c.m.Revoke(ctx, campaignSubject))
		c.pending = onetime.OTP{}
		return 0
	case 4: // the wrong code of before, which is not evaluated again
		if c.last != "" {
			_, err := c.m.VerifyOTP(ctx, campaignSubject, c.last, c.bindings[c.which], c.browser)
			require.NotNil(c.t, c.reason(err).Reason)
		}
	}
	return c.guess()
}

func (c *campaign) ask() time.Duration {
	otp, err := c.m.IssueOTP(c.t.Context(), campaignSubject, c.bindings[c.which], c.browser)
	if err == nil {
		c.pending, c.expires, c.left, c.last = otp, c.clock.Now().Add(otp.ExpiresIn), c.m.Policy().MaxAttempts, ""
		c.known[otp.Code] = true
		return 0
	}
	denied := c.reason(err)
	if errors.Is(denied, onetime.ErrDisabled) {
		c.disabled++
		return oddsDay
	}
	if errors.Is(denied, onetime.ErrLocked) {
		c.bold = false
	}
	require.Positive(c.t, denied.RetryAfter)
	return denied.RetryAfter
}

func (c *campaign) guess() time.Duration {
	code := fmt.Sprintf("%0*d", c.m.Policy().CodeLength, c.next)
	for c.known[code] {
		c.next++
		code = fmt.Sprintf("%0*d", c.m.Policy().CodeLength, c.next)
	}
	_, err := c.m.VerifyOTP(c.t.Context(), campaignSubject, code, c.bindings[c.which], c.browser)
	require.Error(c.t, err, "a code that was never issued")
	denied := c.reason(err)
	c.bold = c.bold && denied.RetryAfter == 0
	switch denied.Reason {
	case onetime.ErrMismatch:
		c.next++
		c.last, c.left = code, denied.AttemptsLeft
		since := c.clock.Now().Sub(c.start).Milliseconds()
		c.evaluated = append(c.evaluated, since)
		take(c.spares, since)
		if c.inARow++; c.inARow == 1 {
			c.cycle = c.clock.Now()
		}
	case onetime.ErrLocked:
		require.Positive(c.t, denied.RetryAfter)
	case onetime.ErrDisabled:
		c.disabled++
		return oddsDay
	default: // the person's own sign-in took the code, or the attempts are gone
		c.pending = onetime.OTP{}
	}
	if denied.RetryAfter > 0 {
		switch c.random.IntN(8) {
		case 0: // the right code is refused as well
			_, err := c.m.VerifyOTP(c.t.Context(), campaignSubject, c.pending.Code, c.bindings[c.which], c.browser)
			require.Contains(c.t, []error{onetime.ErrLocked, onetime.ErrDisabled}, c.reason(err).Reason)
		case 1: // whoever guesses need not believe that waiting is called for
			return 0
		}
	}
	return denied.RetryAfter
}

// signIn is what the person does once a day: by code while codes are not locked, else by the link. Now and then what it
// was for fails, and the secret is given back.
func (c *campaign) signIn() time.Duration {
	ctx, cookie := c.t.Context(), onetime.WithBinding("the person's browser")
	link, err := c.m.IssueLink(ctx, campaignSubject, onetime.WithCode(), cookie)
	if errors.Is(err, onetime.ErrThrottled) {
		return c.reason(err).RetryAfter
	}
	require.NoError(c.t, err)
	c.known[link.Code] = true
	use := func() (v onetime.Verification, err error) {
		if link.Code != "" && c.random.IntN(2) == 0 {
			if v, err = c.m.VerifyOTP(ctx, campaignSubject, link.Code, cookie); err == nil {
				c.byCode++
				return v, nil
			}
		}
		return c.m.VerifyToken(ctx, link.Token, cookie)
	}
	v, err := use()
	require.NoError(c.t, err)
	if c.random.IntN(4) == 0 {
		require.NoError(c.t, v.Undo(ctx))
		v, err = use()
		require.NoError(c.t, err)
		c.undone++
	}
	c.signIns++
	c.inARow, c.bold = 0, true
	if c.thief != nil {
		c.thief.inARow, c.thief.browser = 0, onetime.WithKnownBrowser(v.BrowserCredential())
	}
	return oddsDay - time.Hour + time.Duration(c.random.Int64N(int64(2*time.Hour)))
}

// run lets the guesser act as early as it makes sense, and the person once a day or never.
func (c *campaign) run(horizon time.Duration, person bool) {
	now, guesser, thief, sign := time.Duration(0), time.Duration(0), 2*horizon, 2*horizon
	if person {
		sign = 8 * time.Hour
	}
	for {
		at := min(guesser, thief, sign)
		if at > horizon {
			return
		}
		c.clock.Advance(at - now)
		now = at
		switch at {
		case sign:
			sign, guesser = now+c.signIn(), now // the guesser looks at once what that gave back
			if c.thief != nil {
				thief = now
			}
		case thief:
			thief = now + c.thief.act()
		default:
			guesser = now + c.act()
		}
	}
}

func newCampaign(t *testing.T, opts ...onetime.Option) *campaign {
	m, clock := onetimetest.New(t, append(opts, onetime.WithLinkBase("https://example.com/sign-in"))...)
	return &campaign{
		t: t, m: m, clock: clock, start: clock.Now(), random: rand.New(rand.NewPCG(9, 4)), known: map[string]bool{},
		bindings: append([]onetime.CallOption{nil}, campaignBindings...),
	}
}

// stolen makes somebody guess beside who steals a credential of the person's at each sign-in.
func (c *campaign) stolen() {
	thief := *c
	thief.random, thief.bindings, thief.next = rand.New(rand.NewPCG(4, 9)), campaignBindings, 500_000
	c.thief = &thief
}

// withinBound demands that no window of time has more wrong codes than the limits of a policy allow together, and that the
// whole has at least 95 % of it.
func withinBound(t *testing.T, evaluated []int64, most func(time.Duration) int64, horizon time.Duration) {
	t.Helper()
	for i, from := range evaluated {
		for j, to := range evaluated[i:] {
			if window := time.Duration(to-from) * time.Millisecond; int64(j+1) > most(window) {
				require.Failf(t, "too many", "%d wrong codes within %s", j+1, window)
			}
		}
	}
	require.LessOrEqual(t, int64(len(evaluated)), most(horizon))
	require.GreaterOrEqual(t, float64(len(evaluated)), 0.95*float64(most(horizon)))
}

// Strangers and somebody who steals a credential of a known browser each day, each at their limits for a year.
func TestRule14_AThiefOfCredentialsAddsOneSetOfGuesses(t *testing.T) {
	t.Parallel()
	horizon := oddsYear
	if testing.Short() {
		horizon = 61 * oddsDay
	}
	c := newCampaign(t)
	c.stolen()
	c.run(horizon, true)
	limits := c.m.Policy().GuessLimits
	most := func(window time.Duration) int64 { return wrongCodes(limits, window) }
	withinBound(t, c.evaluated, most, horizon)
	withinBound(t, c.thief.evaluated, most, horizon)
	both := slices.Sorted(slices.Values(append(slices.Clone(c.evaluated), c.thief.evaluated...)))
	withinBound(t, both, func(window time.Duration) int64 { return 2 * most(window) }, horizon)
	require.InEpsilon(t, float64(2*most(horizon))/1e6, c.m.Policy().GuessingOddsOfThief(horizon), 1e-9)
	require.Greater(t, c.signIns, int(horizon/oddsDay)*9/10)
	require.Zero(t, c.disabled+c.thief.disabled)
}

// No window of time has more wrong codes than the bound says for its length, and the whole has at least 95 % of it.
func TestGuessingOdds_BoundsWhatTheScriptsLetBeGuessed(t *testing.T) {
	t.Parallel()
	limit := func(burst int, per time.Duration) onetime.Limit { return onetime.Limit{Burst: burst, Per: per} }
	for name, x := range map[string]struct {
		horizon                  time.Duration
		person, patient, sparing bool
		opts                     []onetime.Option
	}{
		"a day":                           {horizon: oddsDay},
		"a year, the person signs in":     {horizon: oddsYear, person: true, sparing: true},
		"a year, nobody signs in, pauses": {horizon: oddsYear, patient: true},
		"three limits, three are kept": {horizon: 20 * oddsDay, person: true, opts: []onetime.Option{
			onetime.WithKeep(3), onetime.WithMaxAttempts(3), onetime.WithSendLimits(limit(30, time.Hour)),
			onetime.WithGuessLimits(limit(3, 7*time.Minute), limit(20, 5*time.Hour), limit(25, oddsDay)),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() {
				x.horizon = min(x.horizon, 61*oddsDay)
			}
			c := newCampaign(t, x.opts...)
			c.patient = x.patient
			limits := c.m.Policy().GuessLimits
			if x.sparing {
				c.spares = newBuckets(limits)
				for _, b := range c.spares {
					b.burst, b.tokens = b.burst-1, b.tokens-1
				}
			}
			c.run(x.horizon, x.person)
			withinBound(t, c.evaluated, func(window time.Duration) int64 { return wrongCodes(limits, window) }, x.horizon)
			if x.person {
				require.Greater(t, c.signIns, int(x.horizon/oddsDay)*9/10)
				require.Positive(t, c.undone)
				require.Equal(t, x.sparing, c.byCode > c.signIns/4, "by code %d of %d times", c.byCode, c.signIns)
			}
			require.Zero(t, c.disabled)
		})
	}
}

// Who makes no pauses while nobody signs in is stopped by the eighty-fifth wrong code in a row, for longer than a year.
func TestGuessingOdds_WithoutASuccess85WrongCodesAreTheEnd(t *testing.T) {
	t.Parallel()
	c := newCampaign(t)
	c.run(oddsYear, false)
	require.Len(t, c.evaluated, 85)
	require.Greater(t, c.disabled, 300)
}

// The tables of odds, wherever one stands: time, wrong codes where they are told, chance with 6 and with 8 digits.
var oddsRows = regexp.MustCompile(`(?m)^\| in a (day|year)([^|]*) \|(?: (\d+) \|)? ([\d.]+) % \| ([\d.]+) % \|$`)

func TestGuessingOdds_TablesOfTheDocs(t *testing.T) {
	six, eight := rig.Offline(t).Policy(), rig.Offline(t, onetime.WithCodeLength(8)).Policy()
	rows := map[string]int{}
	for path, text := range rig.Documents(t) {
		for _, row := range oddsRows.FindAllStringSubmatch(text, -1) {
			rows[path]++
			horizon := map[string]time.Duration{"day": oddsDay, "year": oddsYear}[row[1]]
			most := wrongCodes(six.GuessLimits, horizon)
			part := 1.0
			if strings.Contains(row[2], "no pauses") { // of a person who never signs in
				part = 85 / float64(most)
				most = 85
			}
			if row[3] != "" {
				require.Equal(t, strconv.FormatInt(most, 10), row[3], "%s: %s", path, row[0])
			}
			for i, p := range []onetime.Policy{six, eight} {
				percent, err := strconv.ParseFloat(row[4+i], 64)
				require.NoError(t, err)
				require.InEpsilon(t, 100*part*p.GuessingOdds(horizon), percent, 1e-9, "%s: %s", path, row[0])
			}
		}
	}
	require.Equal(t, map[string]int{"README.md": 3, "docs/threat-model.md": 4}, rows)
}

// The other figures of docs/threat-model.md, by the formula that stands beside each.
func TestGuessingOdds_FiguresOfTheThreatModel(t *testing.T) {
	// One right guess or more, with guesses at each of so many people.
	spray := func(people, guesses, codes float64) float64 {
		return -100 * math.Expm1(people*math.Log1p(-guesses/codes))
	}
	sprayed := fmt.Sprintf("One guess each at a million people is right at least once with %.1f %% (6 digits) or %.2f %% (8 digits)", spray(1e6, 1, 1e6), spray(1e6, 1, 1e8))
	require.Contains(t, prose(t, "README.md"), sprayed)
	policy := rig.Offline(t).Policy()
	require.Contains(t, prose(t, "README.md"), fmt.Sprintf("gets as much again: %.4f %% a year", 100*policy.GuessingOddsOfThief(oddsYear)))
	day := float64(wrongCodes(policy.GuessLimits, oddsDay))
	for _, figure := range []string{
		sprayed,
		fmt.Sprintf("%.0f guesses each in a day are right %.0f times with 6 digits and %.2f times with 8", day, 1e6*day/1e6, 1e6*day/1e8),
		fmt.Sprintf("two purposes under the defaults: at most %.4f %% a year", 2*100*rig.Offline(t).Policy().GuessingOdds(oddsYear)),
		fmt.Sprintf("together %.0f in a day and 1,%03d in a year, %.4f %% and %.4f %% with 6 digits", 2*day, 2*wrongCodes(policy.GuessLimits, oddsYear)-1000,
			100*policy.GuessingOddsOfThief(oddsDay), 100*policy.GuessingOddsOfThief(oddsYear)),
		fmt.Sprintf("85 in a row without a success, which take %d days", int(35*(30*oddsDay/50)/oddsDay)), // the first 50 at once
		fmt.Sprintf("each call adds at most %d wrong codes", rig.Offline(t).Policy().GuessLimits[1].Burst),
	} {
		require.Contains(t, threatModel(t), figure)
	}
}

// What docs/design.md says of a longer memory for the row of failures, against somebody who stops at 84 and waits until it
// is forgotten.
func TestGuessingOdds_FiguresOfTheDesign(t *testing.T) {
	evaluated := func(memory time.Duration) (n int) {
		limits, row, last := newBuckets(rig.Offline(t).Policy().GuessLimits), 0, int64(0)
		for now := int64(0); now <= oddsYear.Milliseconds(); {
			if row == 84 {
				now, row = max(now, last+memory.Milliseconds()), 0
			} else if w := wait(limits, now); w > 0 {
				now += w
			} else {
				take(limits, now)
				n, row, last = n+1, row+1, now
			}
		}
		return n
	}
	most := wrongCodes(rig.Offline(t).Policy().GuessLimits, oddsYear)
	require.EqualValues(t, most, evaluated(30*oddsDay), "no guess is lost by pauses as long as the limits take")
	require.Contains(t, prose(t, "docs/design.md"), fmt.Sprintf("for 400 days it would stop that guesser at %d in the first year instead of %d, and kept for 90 days at %d",
		evaluated(400*oddsDay), most, evaluated(90*oddsDay)))
}

// What the threat model says that a stranger can take from a person, and what stays: the link.

func TestThreatModel_AStrangerSpendsTheSends(t *testing.T) {
	t.Parallel()
	m, clock := onetimetest.New(t)
	start := clock.Now()
	spend := func(until time.Duration) (n int) { // each as soon as it passes
		for clock.Now().Sub(start) < until {
			otp, err := m.IssueOTP(t.Context(), campaignSubject)
			require.NoError(t, err)
			n++
			clock.Advance(otp.ResendIn)
		}
		return n
	}
	soon := spend(45*time.Minute + 1)
	require.Contains(t, threatModel(t), fmt.Sprintf("%d in the first 45 minutes, then one each %.0f minutes", soon, float64(oddsDay/20)/float64(time.Minute)))
	first, second := soon+spend(oddsDay), spend(2*oddsDay)
	require.Contains(t, threatModel(t), fmt.Sprintf("at most %d messages in the first day and %d in each day after it", first, second))
}

func TestThreatModel_AStrangerLocksCodesAndNotLinks(t *testing.T) {
	t.Parallel()
	ctx, cookie := t.Context(), onetime.WithBinding("the person's browser")
	m, clock := onetimetest.New(t, onetime.WithLinkBase("https://example.com/sign-in"))
	wrong := 0
	lock := func() (locked time.Duration) { // guesses until codes are locked
		for locked == 0 {
			otp, err := m.IssueOTP(ctx, campaignSubject)
			for left := 1; err == nil && left > 0 && locked == 0; {
				guess := fmt.Sprintf("%06d", wrong)
				if guess == otp.Code {
					guess = "999999"
				}
				_, err := m.VerifyOTP(ctx, campaignSubject, guess)
				denied := rig.Refused(t, err, onetime.ErrMismatch)
				wrong++
				left, locked = denied.AttemptsLeft, denied.RetryAfter
			}
			if err != nil {
				clock.Advance(rig.Refused(t, err, onetime.ErrThrottled).RetryAfter)
			}
		}
		return locked
	}
	link, err := m.IssueLink(ctx, campaignSubject, onetime.WithCode(), cookie)
	require.NoError(t, err)
	locked := lock()
	require.Contains(t, threatModel(t), fmt.Sprintf("%d wrong codes lock them for %.0f minutes", wrong, locked.Minutes()))
	_, err = m.VerifyOTP(ctx, campaignSubject, link.Code, cookie)
	rig.Refused(t, err, onetime.ErrLocked)
	_, err = m.VerifyToken(ctx, link.Token, cookie)
	require.NoError(t, err)

	for wrong < 50 {
		clock.Advance(locked)
		locked = lock()
	}
	for wrong < 95 { // the link set the row back at 10
		clock.Advance(locked)
		before := wrong
		locked = lock()
		require.Equal(t, before+1, wrong, "each lock costs one")
	}
	require.Contains(t, threatModel(t), fmt.Sprintf("from the fiftieth on one for each %.1f hours is enough", locked.Hours()))

	status, err := m.Status(ctx, campaignSubject)
	require.NoError(t, err)
	require.True(t, status.Disabled)
	clock.Advance(status.SendIn)
	link, err = m.IssueLink(ctx, campaignSubject, onetime.WithCode(), cookie)
	require.NoError(t, err)
	require.Empty(t, link.Code, "a link is sent without the code")
	_, err = m.VerifyToken(ctx, link.Token, cookie)
	require.NoError(t, err)
	status, err = m.Status(ctx, campaignSubject)
	require.NoError(t, err)
	require.False(t, status.Disabled)
	require.Zero(t, status.Failures)
}

func threatModel(t *testing.T) string { return prose(t, "docs/threat-model.md") }

// prose is a document in one line.
func prose(t *testing.T, path string) string {
	return strings.Join(strings.Fields(rig.Documents(t)[path]), " ")
}
