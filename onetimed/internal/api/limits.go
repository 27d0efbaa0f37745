package api

import (
	"fmt"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// RateLimit fields (draft-ietf-httpapi-ratelimit-headers): which limit there is, and what is left of it where that is known.
// The limits are those of onetime, counted for each subject and service; "sends" and "guesses" are named by the limit that
// refills soonest, "attempts" is that of one verification.

// tightest returns the limit with the shortest time.
func tightest(limits []onetime.Limit) (onetime.Limit, bool) {
	if len(limits) == 0 {
		return onetime.Limit{}, false
	}
	first := limits[0]
	for _, each := range limits {
		if each.Per < first.Per {
			first = each
		}
	}
	return first, true
}

// limitField sets both fields for a limit of the service.
func (c *call) limitField(name string, limits []onetime.Limit, left int, wait time.Duration) {
	limit, ok := tightest(limits)
	if !ok {
		return
	}
	h := c.writer.Header()
	h.Set("RateLimit-Policy", fmt.Sprintf(`"%s";q=%d;w=%d`, name, limit.Burst, ceilSeconds(limit.Per)))
	h.Set("RateLimit", fmt.Sprintf(`"%s";r=%d;t=%d`, name, left, ceilSeconds(wait)))
}

// sendFields tells when the subject can be sent the next message. How many are left while any is, is not known.
func (c *call) sendFields(wait time.Duration) {
	if wait > 0 {
		c.limitField("sends", c.service.policy.SendLimits, 0, wait)
	}
}

// limitFields tells what a problem says of limits.
func (c *call) limitFields(p Problem) {
	if c.service == nil {
		return
	}
	wait := time.Duration(p.RetryAfter) * time.Second
	switch {
	case p.Reason == "sends_throttled":
		c.limitField("sends", c.service.policy.SendLimits, 0, wait)
	case p.Reason == "codes_locked", p.Reason == "code_mismatch" && p.RetryAfter > 0:
		c.limitField("guesses", c.service.policy.GuessLimits, 0, wait)
	case p.AttemptsLeft != nil:
		h := c.writer.Header()
		h.Set("RateLimit-Policy", fmt.Sprintf(`"attempts";q=%d`, c.service.policy.MaxAttempts))
		h.Set("RateLimit", fmt.Sprintf(`"attempts";r=%d`, *p.AttemptsLeft))
	}
}
