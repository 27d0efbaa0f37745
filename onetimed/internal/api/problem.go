package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A Problem is every answer that is no yes (RFC 9457).
type Problem struct {
	_            struct{} `additionalProperties:"true"`
	Type         string   `json:"type" enum:"about:blank" doc:"Always about:blank: the title says what the status says."`
	Title        string   `json:"title" maxLength:"100" doc:"The status in words."`
	Status       int      `json:"status" minimum:"400" maximum:"599" doc:"The HTTP status."`
	Detail       string   `json:"detail" maxLength:"500" doc:"What it means and what to do, in English, for developers. It holds nothing of the request."`
	Reason       string   `json:"reason" doc:"What it means, for programs."`
	RequestID    string   `json:"request_id" maxLength:"64" doc:"The X-Request-Id of this answer, as it stands in the log."`
	AttemptsLeft *int     `json:"attempts_left,omitempty" minimum:"0" maximum:"16" doc:"How many more wrong codes this verification takes. Of code_mismatch of a code."`
	RetryAfter   int      `json:"retry_after,omitempty" minimum:"1" doc:"After how many seconds to try again, as in the header Retry-After. Absent where waiting does not help."`
	Errors       []Flaw   `json:"errors,omitempty" nullable:"false" maxItems:"32" doc:"What is wrong with the body, by member. Of invalid and bad_request."`
}

// A Flaw is one thing that is wrong with a body.
type Flaw struct {
	_       struct{} `additionalProperties:"true"`
	Pointer string   `json:"pointer" maxLength:"100" doc:"The member, as a JSON Pointer in a fragment. It names what this document names and nothing else."`
	Detail  string   `json:"detail" maxLength:"300" doc:"What the member has to be."`
}

// A reason is one way to say no.
type reason struct {
	name   string
	status int
	detail string
}

// reasons are all that a problem may say. The names of refusals are those of [onetime.DeniedError.Name]; what is not here is
// told as denied, so that what is added to onetime tells nobody anything until somebody has decided that it may.
var reasons = []reason{
	{"bad_request", http.StatusBadRequest, "The body is not one JSON object in UTF-8 with the documented members, each once, or a header is not what the document says."},
	{"unauthorized", http.StatusUnauthorized, "Show a caller's key, or an access token where the document says so, as Authorization: Bearer."},
	{"forbidden", http.StatusForbidden, "The caller may not do this, or not for this service; or the access token is of another purpose."},
	{"no_such_call", http.StatusNotFound, "There is no such path. /docs lists the calls."},
	{"not_found", http.StatusNotFound, "Nothing is pending: never issued, expired, replaced, cancelled or revoked. Start again."},
	{"method_not_allowed", http.StatusMethodNotAllowed, "The path has no such method. The header Allow lists those that it has."},
	{"used", http.StatusConflict, "It was used before. Start again."},
	{"attempts_exhausted", http.StatusGone, "Too many wrong codes. Resend or start again."},
	{"expired", http.StatusGone, "The id is past its expiry. Resend or start again."},
	{"body_too_large", http.StatusRequestEntityTooLarge, "The body has more than 65536 bytes."},
	{"unsupported_media_type", http.StatusUnsupportedMediaType, "The body is of another type than the document says, or encoded."},
	{"invalid", http.StatusUnprocessableEntity, "A member is out of its range."},
	{"malformed", http.StatusUnprocessableEntity, "What was typed cannot be a code, or is no token. Nothing was counted: try again."},
	{"code_mismatch", http.StatusUnprocessableEntity, "A wrong code, or a token that was altered or is of another service."},
	{"binding_mismatch", http.StatusUnprocessableEntity, "The binding is not the one of the start, or one of both had none. Nothing was counted."},
	{"subject_mismatch", http.StatusUnprocessableEntity, "The token is of another subject. Nothing was used."},
	{"denied", http.StatusUnprocessableEntity, "Refused."},
	{"sends_throttled", http.StatusTooManyRequests, "The send limits of this subject are empty. What was sent before still counts."},
	{"codes_locked", http.StatusTooManyRequests, "Too many wrong codes for this subject: none is issued or looked at until the wait is over. Links verify as ever."},
	{"codes_disabled", http.StatusTooManyRequests, "Codes are disabled for this subject after 100 wrong ones in a row. A link still verifies; admin/unlock ends it."},
	{"undecided", http.StatusServiceUnavailable, "There is no answer: it is no yes, and it may have taken effect. Try again; if it is used then, start again."},
	{"no_signing_keys", http.StatusServiceUnavailable, "This server has no keys for access tokens."},
}

// reasonOf returns the row of a name.
func reasonOf(name string) reason {
	for _, r := range reasons {
		if r.name == name {
			return r
		}
	}
	return reasonOf("denied")
}

// A refusal is a no that this package decides.
type refusal struct {
	reason string
	detail string // in place of the reason's
	flaws  []Flaw
	header http.Header
}

func (r *refusal) Error() string { return "api: " + r.reason }

func refuse(name string) error { return &refusal{reason: name} }

// invalid is a member that is out of its range.
func invalid(pointer, detail string) error {
	return &refusal{reason: "invalid", flaws: []Flaw{{Pointer: pointer, Detail: detail}}}
}

// undecidedWait is how many seconds a caller is told to wait where there was no answer.
const undecidedWait = 1

// problemOf returns what is told of an error. What it does not know is undecided: no error may ever become a yes.
func problemOf(err error) (Problem, http.Header) {
	var own *refusal
	var denied *onetime.DeniedError
	switch {
	case errors.As(err, &own):
		p := own.problem()
		return p, own.header
	case errors.As(err, &denied):
		p := (&refusal{reason: denied.Name()}).problem()
		p.RetryAfter = ceilSeconds(denied.RetryAfter)
		if errors.As(err, &ofCode{}) && errors.Is(err, onetime.ErrMismatch) {
			p.AttemptsLeft = &denied.AttemptsLeft
		}
		return p, nil
	case errors.Is(err, onetime.ErrInvalid), errors.Is(err, onetimesend.ErrInvalid):
		return (&refusal{reason: "invalid", detail: err.Error()}).problem(), nil
	}
	p := (&refusal{reason: "undecided"}).problem()
	p.RetryAfter = undecidedWait
	return p, nil
}

func (r *refusal) problem() Problem {
	row := reasonOf(r.reason)
	p := Problem{Type: "about:blank", Title: http.StatusText(row.status), Status: row.status, Detail: row.detail, Reason: row.name, Errors: r.flaws}
	if r.detail != "" {
		p.Detail = r.detail
	}
	return p
}

// ofCode is an error of a code. A wrong one leaves attempts; of tokens there are none to tell.
type ofCode struct{ error }

func (e ofCode) Unwrap() error { return e.error }

// ceilSeconds rounds up: whoever waits as long as told must not be too early.
func ceilSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

// floorSeconds rounds down: nothing lives shorter than told.
func floorSeconds(d time.Duration) int { return int(d / time.Second) }

func (p Problem) setHeader(h http.Header) {
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	if p.Status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		h.Set("WWW-Authenticate", `Bearer realm="onetimed"`)
	}
}
