package onetime

import (
	"slices"
	"strings"
	"time"
)

const (
	maxBinding = 512
	maxPayload = 4 << 10
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
	return s, nil
}
