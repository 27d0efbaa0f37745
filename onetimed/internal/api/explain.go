package api

import (
	"fmt"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// sentence says what matters most of a status: what keeps the person out first, then what is pending.
func sentence(s onetime.Status, now time.Time) string {
	switch {
	case s.Disabled && !s.Known.Disabled:
		return fmt.Sprintf("Codes are disabled for new browsers after %s in a row, and go on in browsers that have signed in before: send a link, or unlock once the person has proved by other means who they are.", count(s.Failures, "wrong code"))
	case s.Disabled:
		return fmt.Sprintf("Codes are disabled after %s in a row: send a link, or unlock once the person has proved by other means who they are.", count(s.Failures+s.Known.Failures, "wrong code"))
	case s.GuessIn > 0 && s.Known.GuessIn == 0:
		return fmt.Sprintf("Codes are locked for new browsers after too many wrong ones, for another %s, and go on in browsers that have signed in before; links work as ever.", span(s.GuessIn))
	case s.GuessIn > 0:
		return fmt.Sprintf("Codes are locked after too many wrong ones: no code is looked at or sent for another %s, and links work as ever.", span(s.GuessIn))
	case len(s.Pending) == 0 && s.SendIn > 0:
		return fmt.Sprintf("Nothing is pending, and the next message can be sent in %s.", span(s.SendIn))
	case len(s.Pending) == 0:
		return "Nothing is pending: the person can ask for a new message at once."
	}
	p := s.Pending[0]
	ago := now.Sub(p.IssuedAt)
	text := fmt.Sprintf("%s was issued %s ago", what(p), span(max(ago, 0)))
	if p.Used {
		return text + " and was used: the person asks for a new one."
	}
	text += fmt.Sprintf(" and is good for another %s", span(p.ExpiresIn))
	if p.Code {
		text += fmt.Sprintf("; it takes %s more", count(p.AttemptsLeft, "wrong code"))
	}
	if more := len(s.Pending) - 1; more > 0 {
		text += fmt.Sprintf("; %s pending from before", are(more))
	}
	if s.SendIn > 0 {
		return text + fmt.Sprintf("; the next message can be sent in %s.", span(s.SendIn))
	}
	return text + "; the next message can be sent at once."
}

func what(p onetime.Pending) string {
	switch {
	case p.Code && p.Token:
		return "A link with a code"
	case p.Token:
		return "A link or token"
	}
	return "A code"
}

func are(n int) string {
	if n == 1 {
		return "one other is"
	}
	return fmt.Sprintf("%d others are", n)
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// span says a time in one unit, rounded up: whoever waits as long as told must not be too early.
func span(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d > 2*u.unit {
			return count(int((d+u.unit-1)/u.unit), u.name)
		}
	}
	return count(ceilSeconds(d), "second")
}
