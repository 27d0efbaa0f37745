package onetime

import (
	"errors"
	"math"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/code"
)

// Defaults and ranges of a policy. Where a number comes from a standard, the option's comment names it.
const (
	defaultPurpose = "default"

	minCodeLength  = 6
	minTTL         = 10 * time.Second
	maxOTPTTL      = 10 * time.Minute
	maxLongOTPTTL  = 24 * time.Hour
	maxTokenTTL    = 30 * 24 * time.Hour
	maxAttempts    = 16
	maxKeep        = 5
	maxLimits      = 4
	maxGuessBurst  = 100
	maxSendBurst   = 1000
	minKnown       = 24 * time.Hour
	maxKnown       = 400 * 24 * time.Hour
	minPer, maxPer = time.Second, 30 * 24 * time.Hour
)

func defaultPolicy() Policy {
	return Policy{
		Purpose: defaultPurpose, CodeLength: 6, Alphabet: Digits,
		OTPTTL: 5 * time.Minute, TokenTTL: 10 * time.Minute, MaxAttempts: 5, Keep: 1,
		SendLimits:  []Limit{{1, 30 * time.Second}, {5, 15 * time.Minute}, {20, 24 * time.Hour}},
		GuessLimits: []Limit{{10, time.Hour}, {50, 30 * 24 * time.Hour}},
		KnownFor:    90 * 24 * time.Hour,
	}
}

// A Limit lets Burst events pass at once and refills evenly over Per: it is a GCRA (generic cell rate algorithm).
// In its first Per up to twice the Burst can pass, and in any time T never more than Burst × (1 + T/Per). Idle time
// gathers no more than a Burst. Per is in whole milliseconds; the refill interval Per/Burst is rounded up to them.
type Limit struct {
	Burst int
	Per   time.Duration
}

func checkLimits(name string, limits []Limit, least, burst int) error {
	var errs []error
	if len(limits) < least || len(limits) > maxLimits {
		errs = append(errs, invalid("%s: %d limits: want %d to %d", name, len(limits), least, maxLimits))
	}
	for i, l := range limits {
		if l.Burst < 1 || l.Burst > burst {
			errs = append(errs, invalid("%s: Burst %d: want 1 to %d", name, l.Burst, burst))
		}
		if l.Per < minPer || l.Per > maxPer || l.Per%time.Millisecond != 0 {
			errs = append(errs, invalid("%s: Per %s: want %s to %s in whole milliseconds", name, l.Per, minPer, maxPer))
		}
		for _, other := range limits[:i] {
			if other.Per == l.Per {
				errs = append(errs, invalid("%s: two limits over %s: want one for each Per", name, l.Per))
			}
		}
	}
	return errors.Join(errs...)
}

// A Policy is the settings of one purpose, as Manager.Policy returns them.
type Policy struct {
	Purpose     string
	CodeLength  int           // characters
	Alphabet    Alphabet      // of codes
	OTPTTL      time.Duration // lifetime of a code
	TokenTTL    time.Duration // lifetime of a token or link
	MaxAttempts int           // wrong codes between two issues
	Keep        int           // issues of a challenge that verify at a time
	SendLimits  []Limit
	GuessLimits []Limit
	Links       bool // WithLinkBase was given, so that there can be links

	// Of known browsers: how long a credential counts, and the limits that all of a person's share.
	KnownFor         time.Duration
	KnownSendLimits  []Limit
	KnownGuessLimits []Limit
}

// GuessingOdds returns an upper bound, 0 to 1, of the chance that someone who guesses codes of one subject for as long
// as horizon is right at least once, whatever the person or anybody else does meanwhile: the wrong codes that the
// tightest guess limit lets be evaluated, Burst × (1 + horizon/Per), times Keep, over the number of codes there are. The
// default policy has 0.000051 for a day and 0.000658 for a year. It holds while Unlock is not called, for one purpose,
// not for a fixed code, and for whoever has no credential of the person's browsers: see [Policy.GuessingOddsOfThief]. A
// horizon below 0 counts as 0. A Policy without guess limits has 1.
func (p Policy) GuessingOdds(horizon time.Duration) float64 {
	return p.odds(mostGuesses(p.GuessLimits, horizon))
}

// GuessingOddsOfThief is [Policy.GuessingOdds] for someone who has stolen a credential of a known browser as well, or any
// number of them: the wrong codes of strangers and of known browsers together. The default policy has 0.000102 for a day and
// 0.001316 for a year. [KnownSince] ends it.
func (p Policy) GuessingOddsOfThief(horizon time.Duration) float64 {
	return p.odds(mostGuesses(p.GuessLimits, horizon) + mostGuesses(p.KnownGuessLimits, horizon))
}

func (p Policy) odds(guesses float64) float64 {
	codes := math.Pow(float64(len(code.Alphabet(p.Alphabet).Letters())), float64(p.CodeLength))
	return min(1, guesses*float64(max(1, p.Keep))/codes)
}

// mostGuesses is how many wrong codes limits let be evaluated at most.
func mostGuesses(limits []Limit, horizon time.Duration) float64 {
	guesses := math.Inf(1)
	for _, l := range limits {
		if l.Burst < 1 || l.Per < time.Millisecond {
			return math.Inf(1)
		}
		burst, per := float64(l.Burst), float64(l.Per.Milliseconds())
		passed := math.Ceil(float64(max(0, horizon)) / float64(time.Millisecond))
		guesses = min(guesses, burst+math.Floor(burst*passed/per))
	}
	return guesses
}

// WithCodeLength sets the number of characters of a code: 6 to 12, 6 by default (NIST SP 800-63B-4 3.1.3.2 asks for at
// least six decimal digits). Each digit more divides the chance of guessing by 10: over a year under the default guess
// limits it is at most 0.066 % with 6 digits, 0.00066 % with 8.
func WithCodeLength(n int) Option {
	return number("WithCodeLength", n, minCodeLength, code.MaxLength, func(c *config) { c.policy.CodeLength = n })
}

// WithAlphabet sets what codes are made of: Digits by default, or Crockford32. With 6 characters of Crockford32 there
// are 1,073,741,824 codes instead of 1,000,000, and the chance of guessing one over a year under the default guess
// limits falls from 0.066 % to 0.000061 %.
func WithAlphabet(a Alphabet) Option {
	return Option{func(c *config) error {
		if a != Digits && a != Crockford32 {
			return invalid("WithAlphabet(%d): want Digits or Crockford32", a)
		}
		c.policy.Alphabet = a
		return nil
	}}
}

// WithOTPTTL sets how long a code lives: 10 s to 10 min, 5 min by default (NIST SP 800-63B-4 3.1.3.2 and OWASP ASVS 5
// 6.5.5 allow at most ten minutes). Parts of a millisecond are dropped. It does not move the chance of guessing: the
// guess limits count over all codes.
func WithOTPTTL(d time.Duration) Option { return otpTTL("WithOTPTTL", d, maxOTPTTL) }

// WithDangerouslyLongOTPTTL is WithOTPTTL up to 24 h, beyond what NIST and OWASP allow. Guess limits keep the chance of
// guessing where it was, but a code that is overheard or left on a screen can be used for up to 144 times as long as the
// ten minutes of the standards. Use a token or a link instead if you can.
func WithDangerouslyLongOTPTTL(d time.Duration) Option {
	return otpTTL("WithDangerouslyLongOTPTTL", d, maxLongOTPTTL)
}

func otpTTL(name string, d, most time.Duration) Option {
	return number(name, d, minTTL, most, func(c *config) { c.policy.OTPTTL = d.Truncate(time.Millisecond) })
}

// WithTokenTTL sets how long a token or link lives: 10 s to 30 days, 10 min by default (OWASP ASVS 5 6.5.5). Parts of a
// millisecond are dropped. A token has 128 random bits: its lifetime does not move the chance of guessing one.
func WithTokenTTL(d time.Duration) Option {
	return number("WithTokenTTL", d, minTTL, maxTokenTTL, func(c *config) { c.policy.TokenTTL = d.Truncate(time.Millisecond) })
}

// WithMaxAttempts sets how many wrong codes a challenge takes until the next issue: 1 to 16, 5 by default. The chance to
// guess one code is at most n × Keep in the number of codes, 0.0005 % by default. Over longer times the guess limits
// decide, not this.
func WithMaxAttempts(n int) Option {
	return number("WithMaxAttempts", n, 1, maxAttempts, func(c *config) { c.policy.MaxAttempts = n })
}

// WithSendLimits sets how many issues of all kinds a subject gets: up to 4 limits, no two with the same Per, Burst 1 to
// 1000, Per 1 s to 30 days. The default is 1 per 30 s, 5 per 15 min and 20 per 24 h. Without arguments there is no
// limit: the caller limits sends, or strangers can flood an inbox. It does not move the chance of guessing.
// All Managers of a purpose must have the same limits.
func WithSendLimits(limits ...Limit) Option {
	limits = slices.Clone(limits)
	return Option{func(c *config) error {
		c.policy.SendLimits = limits
		return checkLimits("WithSendLimits", limits, 0, maxSendBurst)
	}}
}

// WithGuessLimits sets how many wrong codes are evaluated for a subject and purpose, over all challenges and bindings:
// 1 to 4 limits, no two with the same Per, Burst 1 to 100, Per 1 s to 30 days. The default is 10 per 1 h and 50 per 30
// days. Of each limit at most Burst × (1 + T/Per) wrong codes are evaluated in a time T: by default 51 a day and 658 a
// year, which is a chance of 0.005 % and 0.066 % with 6 digits; see Policy.GuessingOdds. Nothing but Unlock gives
// guesses back. While a limit is empty every code is refused, right ones too. All Managers of a purpose must have the
// same limits.
func WithGuessLimits(limits ...Limit) Option {
	limits = slices.Clone(limits)
	return Option{func(c *config) error {
		c.policy.GuessLimits = limits
		return checkLimits("WithGuessLimits", limits, 1, maxGuessBurst)
	}}
}

// WithKnownBrowsers sets how long the credential of a browser counts, 1 to 400 days and 90 by default, in whole seconds, and
// the limits that all known browsers of a person share, as [WithSendLimits] and [WithGuessLimits] do for strangers. Without
// limits of a kind they are those of strangers. All Managers of a purpose must have the same. Who has stolen a credential gets
// the wrong codes of both sets, see [Policy.GuessingOddsOfThief].
func WithKnownBrowsers(lifetime time.Duration, sends, guesses []Limit) Option {
	sends, guesses = slices.Clone(sends), slices.Clone(guesses)
	return Option{func(c *config) error {
		var errs []error
		if lifetime < minKnown || lifetime > maxKnown {
			errs = append(errs, invalid("WithKnownBrowsers(%s): want %s to %s", lifetime, minKnown, maxKnown))
		}
		errs = append(errs, checkLimits("WithKnownBrowsers: sends", sends, 0, maxSendBurst))
		errs = append(errs, checkLimits("WithKnownBrowsers: guesses", guesses, 0, maxGuessBurst))
		c.policy.KnownFor, c.knownSends, c.knownGuesses = lifetime.Truncate(time.Second), sends, guesses
		return errors.Join(errs...)
	}}
}

// WithKeep sets how many issues of a challenge verify at a time: 1 to 5. By default a new issue replaces the old one, as
// the OWASP guidance on multifactor authentication has it. Each issue more multiplies the chance of guessing: with 2 a
// guess is right twice as often, up to 0.13 % instead of 0.066 % over a year under the other defaults.
func WithKeep(n int) Option {
	return number("WithKeep", n, 1, maxKeep, func(c *config) { c.policy.Keep = n })
}
