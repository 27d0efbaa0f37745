package factor

import (
	"math"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// Odds returns an upper bound, 0 to 1, of the chance that someone who guesses the codes of one account for as long as horizon is
// right at least once, whatever the person does meanwhile: the wrong codes that the tightest guess limit lets be evaluated,
// Burst × (1 + horizon/Per), times the codes that are right at a time, of all of these authenticators, each of which comes
// up with the chance (⌊2³¹/10^digits⌋+1)/2³¹ at most. Without authenticators it is that of one of [Factors.EnrollTOTP]: under
// the defaults 0.000153 for a day and 0.00197 for a year. Recovery codes of 80 bits add nothing; imported ones are not
// counted. It holds while Unlock is not called. A horizon below 0 counts as 0.
func (f *Factors) Odds(horizon time.Duration, authenticators ...Info) float64 {
	if len(authenticators) == 0 {
		authenticators = []Info{{Kind: onetime.KindTOTP, Digits: minDigits}}
	}
	guesses := math.Inf(1)
	for _, l := range f.manager.Policy().GuessLimits {
		burst, per := float64(l.Burst), float64(l.Per.Milliseconds())
		passed := math.Ceil(float64(max(0, horizon)) / float64(time.Millisecond))
		guesses = min(guesses, burst+math.Floor(burst*passed/per))
	}
	right := 0.0
	for _, a := range authenticators {
		open := 0
		switch a.Kind {
		case onetime.KindTOTP:
			open = f.back + 1 + f.ahead
		case onetime.KindHOTP:
			open = 1 + f.lookAhead
		}
		const values = 1 << 31
		right += float64(open) * (math.Floor(values/math.Pow10(a.Digits)) + 1) / values
	}
	return min(1, guesses*right)
}
