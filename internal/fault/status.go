package fault

import (
	"errors"
	"net/http"
)

// The reasons of a refusal. The root package shows them under the same names and says what they mean.
var (
	ErrMalformed = errors.New("onetime: not a code or token")
	ErrMismatch  = errors.New("onetime: wrong code or token")
	ErrNotFound  = errors.New("onetime: nothing outstanding")
	ErrUsed      = errors.New("onetime: already used")
	ErrExhausted = errors.New("onetime: no attempts left")
	ErrBinding   = errors.New("onetime: token of another requester")
	ErrSubject   = errors.New("onetime: token of another subject")
	ErrThrottled = errors.New("onetime: too many sends")
	ErrLocked    = errors.New("onetime: too many wrong codes")
	ErrDisabled  = errors.New("onetime: codes disabled")
)

// Numbers of the statuses that are no refusals. OK is a yes. Clock is no answer: the caller's clock is too far from that of
// Redis.
const (
	OK    = 1
	Clock = 9
)

// ErrClock is why a call is undecided that was answered Clock.
var ErrClock = errors.New("the clock of this computer is more than 90 s from that of Redis")

// A Status is one way to refuse.
type Status struct {
	// Err is the reason, as errors.Is finds it.
	Err error
	// Name is for programs, such as code_mismatch. It never changes.
	Name string
	// Number is that of the script's answer, and Lua its name in lua/common.lua; 0 and empty where Go refuses alone.
	Number int64
	Lua    string
	// Attempts and Wait tell what a script answers behind the number: how many attempts are left, and how long to wait.
	Attempts, Wait bool
	// Wrote tells that the script wrote something, which WithReplicaAck must cover: a wrong code needs the replicas, too, or it
	// could be told from a right one while they are away, and its charge be lost.
	Wrote bool
	// Page is the HTTP status of pages for people, API that of interfaces for programs, where 403 is about the caller.
	Page, API int
}

// Statuses is every way to refuse, in the order in which errors are documented. Whatever speaks of statuses derives from
// it.
var Statuses = []Status{
	{Err: ErrMalformed, Name: "malformed", Page: http.StatusBadRequest, API: http.StatusUnprocessableEntity},
	{Err: ErrMismatch, Name: "code_mismatch", Number: 2, Lua: "MISMATCH", Attempts: true, Wait: true, Wrote: true,
		Page: http.StatusForbidden, API: http.StatusUnprocessableEntity},
	{Err: ErrNotFound, Name: "not_found", Number: 3, Lua: "NOT_FOUND", Page: http.StatusGone, API: http.StatusNotFound},
	{Err: ErrUsed, Name: "used", Number: 4, Lua: "USED", Page: http.StatusGone, API: http.StatusConflict},
	{Err: ErrExhausted, Name: "attempts_exhausted", Number: 5, Lua: "EXHAUSTED", Page: http.StatusGone, API: http.StatusGone},
	{Err: ErrBinding, Name: "binding_mismatch", Page: http.StatusForbidden, API: http.StatusUnprocessableEntity},
	{Err: ErrSubject, Name: "subject_mismatch", Page: http.StatusForbidden, API: http.StatusUnprocessableEntity},
	{Err: ErrThrottled, Name: "sends_throttled", Number: 6, Lua: "THROTTLED", Wait: true,
		Page: http.StatusTooManyRequests, API: http.StatusTooManyRequests},
	{Err: ErrLocked, Name: "codes_locked", Number: 7, Lua: "LOCKED", Wait: true,
		Page: http.StatusTooManyRequests, API: http.StatusTooManyRequests},
	{Err: ErrDisabled, Name: "codes_disabled", Number: 8, Lua: "DISABLED", Page: http.StatusForbidden, API: http.StatusTooManyRequests},
}

// StatusOf returns the row of a reason. It reports false for an error that is none.
func StatusOf(reason error) (Status, bool) {
	for _, s := range Statuses {
		if errors.Is(reason, s.Err) {
			return s, true
		}
	}
	return Status{}, false
}

// StatusOfNumber returns the row of a script's answer. It reports false for a number that no script answers.
func StatusOfNumber(number int64) (Status, bool) {
	for _, s := range Statuses {
		if s.Number == number && number != 0 {
			return s, true
		}
	}
	return Status{}, false
}
