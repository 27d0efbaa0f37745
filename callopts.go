package onetime

import (
	"slices"
	"strings"
	"time"
)

const (
	maxBinding  = 512
	maxPayload  = 4 << 10
	maxRequests = 5 // as many as WithKeep keeps

	// 128 random bits are 16 bytes at the least, however they are written.
	minSecret, maxSecret = 16, 512
)

// callOptions are what the options of one call say.
type callOptions struct {
	op      string
	payload []byte
	ttl     time.Duration
	code    bool
	decoy   bool

	bound         bool
	binding       string
	ignoreBinding bool

	browsers    string // credentials, if hasBrowsers
	hasBrowsers bool
	knownSince  time.Time

	requests       []string
	requestOfIssue bool // derived from the id of the issue, see keyring.Ring.Request
	idempotencyKey string

	expected   string // the subject, if hasSubject
	hasSubject bool
}

// only refuses an option outside the calls it is for.
func (s *callOptions) only(option string, ops ...string) error {
	if !slices.Contains(ops, s.op) {
		return invalid("%s on %s: want it on %s", option, s.op, strings.Join(ops, " or "))
	}
	return nil
}

// An IssueOption is an option of IssueOTP, IssueToken or IssueLink.
type IssueOption interface{ applyIssue(*callOptions) error }

// A VerifyOption is an option of VerifyOTP, VerifyToken or InspectToken.
type VerifyOption interface{ applyVerify(*callOptions) error }

// A CallOption is an IssueOption and a VerifyOption.
type CallOption interface {
	IssueOption
	VerifyOption
}

// A callOption is any of them: the interface that its constructor returns says where it may stand.
type callOption func(*callOptions) error

func (o callOption) applyIssue(s *callOptions) error  { return o(s) }
func (o callOption) applyVerify(s *callOptions) error { return o(s) }

// WithPayload stores up to 4 KiB with the secret, sealed; the Verification brings it back. It is copied.
func WithPayload(payload []byte) IssueOption {
	payload = slices.Clone(payload)
	return callOption(func(s *callOptions) error {
		if len(payload) > maxPayload {
			return invalid("WithPayload: %d bytes: want at most %d", len(payload), maxPayload)
		}
		s.payload = payload
		return nil
	})
}

// WithTTL makes this issue live shorter than the policy says, at least 10 s. A code in a link lives no longer than the
// policy's OTPTTL in any case.
func WithTTL(d time.Duration) IssueOption {
	return callOption(func(s *callOptions) error {
		if d < minTTL {
			return invalid("WithTTL(%s): want at least %s", d, minTTL)
		}
		s.ttl = d.Truncate(time.Millisecond)
		return nil
	})
}

// WithCode lets a link carry a code too; using either uses up both. Only IssueLink takes it.
func WithCode() IssueOption {
	return callOption(func(s *callOptions) error {
		s.code = true
		return s.only("WithCode", "IssueLink")
	})
}

// AsDecoy issues nothing that could ever verify, for a subject that has no account: limits, statuses, answers and what
// Redis holds are as for a real issue, but Code, Token and URL are empty. So that a stranger cannot find out who has an
// account, take the same time to answer, too: deliver after the answer.
func AsDecoy() IssueOption {
	return callOption(func(s *callOptions) error {
		s.decoy = true
		return nil
	})
}

// WithSubject names the subject that the token must be of; another is ErrSubject. It is normalised like any subject.
// Only VerifyToken and InspectToken take it.
func WithSubject(subject string) VerifyOption {
	return callOption(func(s *callOptions) error {
		s.expected, s.hasSubject = subject, true
		return s.only("WithSubject", "VerifyToken", "InspectToken")
	})
}

// IgnoreBinding lets a bound token verify without its binding, for a person who opened the link in another browser, was
// asked, and agreed. It goes before WithBinding. Only VerifyToken and InspectToken take it.
func IgnoreBinding() VerifyOption {
	return callOption(func(s *callOptions) error {
		s.ignoreBinding = true
		return s.only("IgnoreBinding", "VerifyToken", "InspectToken")
	})
}

// WithBinding ties an issue to a secret of the requester, such as a session or cookie value of at least 128 random bits,
// 1 to 512 bytes: only who shows it again verifies. Each binding has a challenge of its own. An empty one is an error, so
// that a missing cookie does not make a bound call an unbound one.
func WithBinding(secret string) CallOption {
	return callOption(func(s *callOptions) error {
		if len(secret) < 1 || len(secret) > maxBinding {
			return invalid("WithBinding: %d bytes: want 1 to %d", len(secret), maxBinding)
		}
		s.bound, s.binding = true, secret
		return nil
	})
}

// WithRequest ties a code to a request: a value of at least 128 random bits, 16 to 512 bytes, that is drawn for one issue,
// and that whoever asked keeps and brings back: in a session, a sealed cookie or a sealed id. A code of another request, or
// of none, does not verify. Issue takes one; VerifyOTP takes up to 5, where a person may have a code of any of the last
// requests. Tokens know no request: IssueLink ties its code alone.
//
// What is typed is heard by Redis as a digest. Without a request that digest depends on purpose, subject, binding and code,
// and anybody who sees the commands that Redis gets, and can type codes, finds a code that is issued later among those they
// typed before. With it, what was typed before an issue tells nothing of it.
func WithRequest(ids ...string) CallOption {
	ids = slices.Clone(ids)
	return callOption(func(s *callOptions) error {
		if err := s.only("WithRequest", "IssueOTP", "IssueLink", "VerifyOTP"); err != nil {
			return err
		}
		switch {
		case s.op != "VerifyOTP" && len(ids) != 1:
			return invalid("WithRequest: %d requests on %s: want 1", len(ids), s.op)
		case len(ids) < 1 || len(ids) > maxRequests:
			return invalid("WithRequest: %d requests on %s: want 1 to %d", len(ids), s.op, maxRequests)
		}
		for _, id := range ids {
			if len(id) < minSecret || len(id) > maxSecret {
				return invalid("WithRequest: %d bytes: want %d to %d", len(id), minSecret, maxSecret)
			}
		}
		s.requests = ids
		return nil
	})
}

// WithKnownBrowser shows the credentials that a browser has, see [Verification.BrowserCredential]: up to four, with a full
// stop between two; further ones are not looked at. If one is the subject's, sends and wrong codes count against limits that
// all known browsers of the person share, and not against those of strangers, who so can keep none of them out. What is
// altered, another subject's, older than [WithKnownBrowsers] says or more than 5 min ahead of the local clock counts as none,
// with the answers and in the time of none; so does an empty text.
//
// It wants [WithBinding] on the same call, or a stranger's issue would replace what the known browser waits for. VerifyToken
// and InspectToken do not take it: no limit applies to tokens.
func WithKnownBrowser(credentials string) CallOption {
	return callOption(func(s *callOptions) error {
		s.browsers, s.hasBrowsers = credentials, true
		return s.only("WithKnownBrowser", "IssueOTP", "IssueToken", "IssueLink", "VerifyOTP")
	})
}

// KnownSince makes credentials that were issued before t count as none: it ends all of a person's, for good, if t stands in
// the person's own row. Set it to 5 min after now, since the clocks of instances may differ, when a password was changed, say,
// or a device lost. It wants [WithKnownBrowser] on the same call.
func KnownSince(t time.Time) CallOption {
	return callOption(func(s *callOptions) error {
		s.knownSince = t
		return s.only("KnownSince", "IssueOTP", "IssueToken", "IssueLink", "VerifyOTP")
	})
}

// checkBrowsers holds the options of known browsers against the others.
func (s *callOptions) checkBrowsers() error {
	switch {
	case s.hasBrowsers && !s.bound:
		return invalid("WithKnownBrowser on %s: want WithBinding, too", s.op)
	case !s.hasBrowsers && !s.knownSince.IsZero():
		return invalid("KnownSince on %s: want WithKnownBrowser, too", s.op)
	}
	return nil
}

// noRequest stands for the lack of one.
var noRequest = []string{""}

// request is that of an issue, empty for none.
func (s *callOptions) request() string { return s.anyRequests()[0] }

func (s *callOptions) anyRequests() []string {
	if len(s.requests) == 0 {
		return noRequest
	}
	return s.requests
}

// Idempotent makes one call of all sendings of a form: a double click, a reload, a request that was sent again because its
// answer was lost. The key, 16 to 512 bytes with at least 128 random bits, is a secret of the requester, such as a nonce of
// the form beside the value of the session. Sendings belong together if the method, the purpose, the subject, the binding,
// the secret that is shown and the key are the same.
//
// A sending that comes within 60 s of the use, by the clock of Redis, is answered as the first: with the same
// [Verification.Call], and Repeated. After that it is [ErrUsed]. From then on [Verification.Undo] is ErrUsed, since somebody
// may have acted on the answer; where it came first, another sending is a new call. Only a success is repeated: what was
// refused is judged anew, and each code that differs is charged. Cancel, Revoke and Erase end repeats.
//
// A second sending of an issue that is live is answered with its ID and no secret, and Repeated: nothing is charged, and
// no message is due. A deliberate "send again" wants a new key.
func Idempotent(key string) CallOption {
	return callOption(func(s *callOptions) error {
		if !strings.HasPrefix(s.op, "factor.") {
			if err := s.only("Idempotent", "IssueOTP", "IssueToken", "IssueLink", "VerifyOTP", "VerifyToken"); err != nil {
				return err
			}
		}
		if len(key) < minSecret || len(key) > maxSecret {
			return invalid("Idempotent: %d bytes: want %d to %d", len(key), minSecret, maxSecret)
		}
		s.idempotencyKey = key
		return nil
	})
}

// newCallOptions runs the options of one call.
func newCallOptions[O any](op string, opts []O, apply func(O, *callOptions) error) (callOptions, error) {
	s := callOptions{op: op}
	for _, o := range opts {
		if any(o) == nil {
			continue
		}
		if err := apply(o, &s); err != nil {
			return callOptions{}, err
		}
	}
	if err := s.checkBrowsers(); err != nil {
		return callOptions{}, err
	}
	return s, nil
}
