package onetime

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"math"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Defaults and ranges. Where a number comes from a standard, the option's comment names it.
const (
	defaultPurpose = "default"
	defaultPrefix  = "onetime:v1"

	minCodeLength, maxCodeLength = 6, 12
	minTTL                       = 10 * time.Second
	maxOTPTTL                    = 10 * time.Minute
	maxLongOTPTTL                = 24 * time.Hour
	maxTokenTTL                  = 30 * 24 * time.Hour
	maxAttempts                  = 16
	maxKeep                      = 5
	maxLimits                    = 4
	maxGuessBurst                = 100
	maxSendBurst                 = 1000
	minPer, maxPer               = time.Second, 30 * 24 * time.Hour
	maxFixedAhead                = 30 * 24 * time.Hour
	maxReplicas                  = 16
	minAckTimeout, maxAckTimeout = time.Millisecond, 10 * time.Second

	maxSubject  = 512
	maxBinding  = 512
	maxPayload  = 4 << 10
	maxLinkBase = 2000
	linkParam   = "token"
)

var (
	purposePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	prefixPattern  = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
)

// An Option sets something of a Manager. Its zero value sets nothing.
type Option struct{ set func(*config) error }

// A config is what options write to; New and Purpose make a Manager of it.
type config struct {
	policy   Policy
	derived  bool // being made by Purpose
	prefix   string
	previous [][]byte
	naming   []byte

	linkHead, linkTail string // a link is head, token, tail
	normalize          func(string) (string, error)
	observer           func(context.Context, Event)
	replicas           int
	ackTimeout         time.Duration

	fixed      map[string]string // as given
	codes      map[string]string // fixed by normalised subject, made for each Manager
	fixedUntil time.Time
}

func defaultConfig() config {
	return config{
		policy: Policy{
			Purpose: defaultPurpose, CodeLength: 6, Alphabet: Digits,
			OTPTTL: 5 * time.Minute, TokenTTL: 10 * time.Minute, MaxAttempts: 5, Keep: 1,
			SendLimits:  []Limit{{1, 30 * time.Second}, {5, 15 * time.Minute}, {20, 24 * time.Hour}},
			GuessLimits: []Limit{{10, time.Hour}, {50, 30 * 24 * time.Hour}},
		},
		prefix:    defaultPrefix,
		normalize: normalizeAddress,
	}
}

// apply runs all options and reports all that is wrong with them.
func (c *config) apply(opts []Option) error {
	var errs []error
	for _, o := range opts {
		if o.set != nil {
			errs = append(errs, o.set(c))
		}
	}
	return errors.Join(errs...)
}

// number is an option that takes n from least to most.
func number[N int | time.Duration](name string, n, least, most N, set func(*config)) Option {
	return Option{func(c *config) error {
		if n < least || n > most {
			return invalid("%s(%v): want %v to %v", name, n, least, most)
		}
		set(c)
		return nil
	}}
}

// onlyNew is an option that Purpose refuses: Managers that share records must agree on it.
func onlyNew(name string, set func(*config) error) Option {
	return Option{func(c *config) error {
		if c.derived {
			return invalid("%s: belongs to New, Purpose cannot change it", name)
		}
		return set(c)
	}}
}

// A Limit lets Burst events pass at once and refills evenly over Per: it is a GCRA (generic cell rate algorithm).
// In its first Per up to twice the Burst can pass, and in any time T never more than Burst × (1 + T/Per). Idle time
// gathers no more than a Burst. Per is in whole milliseconds; the refill interval Per/Burst is rounded up to them.
type Limit struct {
	Burst int
	Per   time.Duration
}

// interval is the time in ms in which one event is refilled. Rounding up keeps the bound.
func (l Limit) interval() int64 {
	burst := int64(l.Burst)
	return (l.Per.Milliseconds() + burst - 1) / burst
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
}

// GuessingOdds returns an upper bound, 0 to 1, of the chance that someone who guesses codes of one subject for as long
// as horizon is right at least once, whatever the person or anybody else does meanwhile: the wrong codes that the
// tightest guess limit lets be evaluated, Burst × (1 + horizon/Per), times Keep, over the number of codes there are. The
// default policy has 0.000051 for a day and 0.000658 for a year. It holds while Unlock is not called, for one purpose,
// and not for a fixed code. A horizon below 0 counts as 0. A Policy without guess limits has 1.
func (p Policy) GuessingOdds(horizon time.Duration) float64 {
	guesses := math.Inf(1)
	for _, l := range p.GuessLimits {
		if l.Burst < 1 || l.Per < time.Millisecond {
			return 1
		}
		burst, per := float64(l.Burst), float64(l.Per.Milliseconds())
		passed := math.Ceil(float64(max(0, horizon)) / float64(time.Millisecond))
		guesses = min(guesses, burst+math.Floor(burst*passed/per))
	}
	codes := math.Pow(float64(len(p.Alphabet.letters())), float64(p.CodeLength))
	return min(1, guesses*float64(max(1, p.Keep))/codes)
}

// WithCodeLength sets the number of characters of a code: 6 to 12, 6 by default (NIST SP 800-63B-4 3.1.3.2 asks for at
// least six decimal digits). Each digit more divides the chance of guessing by 10: over a year under the default guess
// limits it is at most 0.066 % with 6 digits, 0.00066 % with 8.
func WithCodeLength(n int) Option {
	return number("WithCodeLength", n, minCodeLength, maxCodeLength, func(c *config) { c.policy.CodeLength = n })
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

// WithKeep sets how many issues of a challenge verify at a time: 1 to 5. By default a new issue replaces the old one, as
// the OWASP guidance on multifactor authentication has it. Each issue more multiplies the chance of guessing: with 2 a
// guess is right twice as often, up to 0.13 % instead of 0.066 % over a year under the other defaults.
func WithKeep(n int) Option {
	return number("WithKeep", n, 1, maxKeep, func(c *config) { c.policy.Keep = n })
}

// WithLinkBase sets the page that links lead to; the token is added as its query parameter "token". It must be https
// (http on localhost and loopback addresses), without user information and without that parameter, at most 2000 bytes.
// Take it from configuration, never from a request's Host header, or an attacker chooses where tokens are sent.
func WithLinkBase(base string) Option {
	return Option{func(c *config) (err error) {
		c.linkHead, c.linkTail, err = splitLinkBase(base)
		c.policy.Links = err == nil
		return err
	}}
}

func splitLinkBase(base string) (head, tail string, err error) {
	if len(base) > maxLinkBase {
		return "", "", invalid("WithLinkBase: %d bytes: want at most %d", len(base), maxLinkBase)
	}
	// What is not escaped here would end a link where a mail program thinks it does.
	unsafe := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}", r) }
	u, err := url.Parse(base)
	if err != nil || u.Hostname() == "" || strings.ContainsFunc(u.Host, unsafe) { // url.Parse lets "<> stand in a host
		return "", "", invalid("WithLinkBase: want an absolute https URL")
	}
	if u.User != nil {
		return "", "", invalid("WithLinkBase: want no user information")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return "", "", invalid("WithLinkBase: scheme %q: want https, or http on localhost", u.Scheme)
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil || query.Has(linkParam) || strings.ContainsFunc(u.RawQuery, unsafe) {
		return "", "", invalid("WithLinkBase: want an escaped query without the parameter %q", linkParam)
	}
	if fragment := u.EscapedFragment(); fragment != "" {
		tail = "#" + fragment
	}
	u.Fragment, u.RawFragment = "", ""
	u.Path = cmp.Or(u.Path, "/")
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += linkParam + "="
	return u.String(), tail, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}

// WithPreviousKeys lists retired and coming keys that verify too, at most 7, each at least 32 bytes and none twice. It
// demands WithNamingKey. A rotation takes three deployments: the new key in WithPreviousKeys everywhere, then the new key
// first, then the old one out once the longest TTL has passed. An instance that does not know the newest key takes right
// codes for wrong ones. Only New takes it.
func WithPreviousKeys(keys ...[]byte) Option {
	copied := make([][]byte, len(keys))
	for i, k := range keys {
		copied[i] = slices.Clone(k)
	}
	return onlyNew("WithPreviousKeys", func(c *config) error {
		c.previous = copied
		return nil
	})
}

// WithNamingKey sets the key, at least 32 bytes, that the names of records are derived from; by default it is the key
// given to New. It hides which subjects there are and need not rotate: if it changes, everything outstanding and every
// limit is lost from sight. Only New takes it.
func WithNamingKey(key []byte) Option {
	key = append([]byte{}, key...) // never nil: an empty key is an error, not the default
	return onlyNew("WithNamingKey", func(c *config) error {
		c.naming = key
		return nil
	})
}

// WithPrefix sets what all Redis keys begin with: 1 to 64 of A–Z a–z 0–9 . _ : -, "onetime:v1" by default. Only New
// takes it.
func WithPrefix(prefix string) Option {
	return onlyNew("WithPrefix", func(c *config) error {
		if !prefixPattern.MatchString(prefix) {
			return invalid("WithPrefix: want 1 to 64 characters of A-Z a-z 0-9 . _ : -")
		}
		c.prefix = prefix
		return nil
	})
}

// WithNormalizer sets what makes one subject of the spellings of an address. It is given any valid UTF-8, empty and
// over-long too, and what it returns must be a subject. By
// default a subject that contains @ loses white space at both ends and has its ASCII letters lower-cased; other letters
// stay, since Unicode folding makes two people one (CVE-2019-19844), and so do other subjects. nil switches that off:
// then each spelling has limits of its own. An error of the normaliser is wrapped and not printed.
func WithNormalizer(normalize func(subject string) (string, error)) Option {
	if normalize == nil {
		normalize = func(subject string) (string, error) { return subject, nil }
	}
	return Option{func(c *config) error {
		c.normalize = normalize
		return nil
	}}
}

func normalizeAddress(subject string) (string, error) {
	if !strings.Contains(subject, "@") {
		return subject, nil
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(subject)), nil
}

// WithObserver sets a function that is told of every call of the Manager and its Verifications, after it, in the same
// goroutine. It must be fast and safe for concurrent use. Only New takes it.
func WithObserver(observe func(context.Context, Event)) Option {
	return onlyNew("WithObserver", func(c *config) error {
		c.observer = observe
		return nil
	})
}

// WithReplicaAck makes a use count only when that many replicas have it: VerifyOTP, VerifyToken, Revoke and Cancel wait,
// in the same round trip, for 1 to 16 replicas and at most the timeout, 1 ms to 10 s in whole milliseconds and less than
// the client's ReadTimeout. Then a secret that was used does not verify again on a replica that takes over, if one of those
// takes over. Without it, it may: replication is asynchronous. Too few replicas in time are no answer (undecided), for a
// wrong code, too: a right one stays used, a wrong one charged, and the person asks for a new one. So while too few
// replicas run nothing verifies.
//
// It is no consensus. Ask for all replicas, or the one that lags may be the one that takes over; a replica that lost its
// memory has nothing to give; and what other calls wrote, such as issues and Unlock, may be lost as ever. It needs a
// *redis.Client or a *redis.ClusterClient: New refuses all others, the automatic pipeliner too. Only New takes it.
func WithReplicaAck(replicas int, timeout time.Duration) Option {
	return onlyNew("WithReplicaAck", func(c *config) error {
		var errs []error
		if replicas < 1 || replicas > maxReplicas {
			errs = append(errs, invalid("WithReplicaAck: %d replicas: want 1 to %d", replicas, maxReplicas))
		}
		if timeout < minAckTimeout || timeout > maxAckTimeout || timeout%time.Millisecond != 0 {
			errs = append(errs, invalid("WithReplicaAck: timeout %s: want %s to %s in whole milliseconds", timeout, minAckTimeout, maxAckTimeout))
		}
		c.replicas, c.ackTimeout = replicas, timeout
		return errors.Join(errs...)
	})
}

// WithDangerouslyFixedCodes gives the named subjects the same code at each issue, at most until a time that is no more
// than 30 days ahead by the local clock; for the people who review apps and read no mail. Whoever knows such a code and
// subject gets in with probability 1. The code must be one of the policy. It needs an issue like others, is
// charged and used once, and marks the Verification. After until, issues have random codes again. A Manager of another
// purpose does not inherit them.
func WithDangerouslyFixedCodes(codes map[string]string, until time.Time) Option {
	codes = maps.Clone(codes)
	return Option{func(c *config) error {
		if until.IsZero() || time.Until(until) > maxFixedAhead {
			return invalid("WithDangerouslyFixedCodes: want an end at most %s ahead", maxFixedAhead)
		}
		c.fixed, c.fixedUntil = codes, until
		return nil
	}}
}

// fixedCodes returns the fixed codes by normalised subject. No error tells a subject or a code.
func (c *config) fixedCodes() (map[string]string, error) {
	if len(c.fixed) == 0 {
		return nil, nil
	}
	codes := make(map[string]string, len(c.fixed))
	for typed, code := range c.fixed {
		subject, err := c.subject(typed)
		if err != nil {
			return nil, &invalidError{"WithDangerouslyFixedCodes: a key is not a subject", err}
		}
		clean, ok := c.policy.Alphabet.clean(code, c.policy.CodeLength)
		if !ok {
			return nil, invalid("WithDangerouslyFixedCodes: want codes of %d characters of the alphabet", c.policy.CodeLength)
		}
		if other, twice := codes[subject]; twice && other != clean {
			return nil, invalid("WithDangerouslyFixedCodes: two codes for one subject")
		}
		codes[subject] = clean
	}
	return codes, nil
}

// settings are what the options of one call say.
type settings struct {
	op      string
	payload []byte
	ttl     time.Duration
	code    bool
	decoy   bool

	bound   bool
	binding string
	foreign bool // a binding need not be shown

	expected   string // the subject, if hasSubject
	hasSubject bool
}

// only refuses an option outside the calls it is for.
func (s *settings) only(option string, ops ...string) error {
	if !slices.Contains(ops, s.op) {
		return invalid("%s on %s: want it on %s", option, s.op, strings.Join(ops, " or "))
	}
	return nil
}

// An IssueOption is an option of IssueOTP, IssueToken or IssueLink.
type IssueOption interface{ applyIssue(*settings) error }

// A VerifyOption is an option of VerifyOTP, VerifyToken or InspectToken.
type VerifyOption interface{ applyVerify(*settings) error }

// A CallOption is an IssueOption and a VerifyOption.
type CallOption interface {
	IssueOption
	VerifyOption
}

// A callOption is any of them: the interface that its constructor returns says where it may stand.
type callOption func(*settings) error

func (o callOption) applyIssue(s *settings) error  { return o(s) }
func (o callOption) applyVerify(s *settings) error { return o(s) }

// WithPayload stores up to 4 KiB with the secret, sealed; the Verification brings it back. It is copied.
func WithPayload(payload []byte) IssueOption {
	payload = slices.Clone(payload)
	return callOption(func(s *settings) error {
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
	return callOption(func(s *settings) error {
		if d < minTTL {
			return invalid("WithTTL(%s): want at least %s", d, minTTL)
		}
		s.ttl = d.Truncate(time.Millisecond)
		return nil
	})
}

// WithCode lets a link carry a code too; using either uses up both. Only IssueLink takes it.
func WithCode() IssueOption {
	return callOption(func(s *settings) error {
		s.code = true
		return s.only("WithCode", "IssueLink")
	})
}

// AsDecoy issues nothing that could ever verify, for a subject that has no account: limits, statuses, answers and what
// Redis holds are as for a real issue, but Code, Token and URL are empty. So that a stranger cannot find out who has an
// account, take the same time to answer, too: deliver after the answer.
func AsDecoy() IssueOption {
	return callOption(func(s *settings) error {
		s.decoy = true
		return nil
	})
}

// WithSubject names the subject that the token must be of; another is ErrSubject. It is normalised like any subject.
// Only VerifyToken and InspectToken take it.
func WithSubject(subject string) VerifyOption {
	return callOption(func(s *settings) error {
		s.expected, s.hasSubject = subject, true
		return s.only("WithSubject", "VerifyToken", "InspectToken")
	})
}

// IgnoreBinding lets a bound token verify without its binding, for a person who opened the link in another browser, was
// asked, and agreed. It goes before WithBinding. Only VerifyToken and InspectToken take it.
func IgnoreBinding() VerifyOption {
	return callOption(func(s *settings) error {
		s.foreign = true
		return s.only("IgnoreBinding", "VerifyToken", "InspectToken")
	})
}

// WithBinding ties an issue to a secret of the requester, such as a session or cookie value of at least 128 random bits,
// 1 to 512 bytes: only who shows it again verifies. Each binding has a challenge of its own. An empty one is an error, so
// that a missing cookie does not make a bound call an unbound one.
func WithBinding(secret string) CallOption {
	return callOption(func(s *settings) error {
		if len(secret) < 1 || len(secret) > maxBinding {
			return invalid("WithBinding: %d bytes: want 1 to %d", len(secret), maxBinding)
		}
		s.bound, s.binding = true, secret
		return nil
	})
}

// newSettings runs the options of one call.
func newSettings[O any](op string, opts []O, apply func(O, *settings) error) (settings, error) {
	s := settings{op: op}
	for _, o := range opts {
		if any(o) == nil {
			continue
		}
		if err := apply(o, &s); err != nil {
			return settings{}, err
		}
	}
	return s, nil
}
