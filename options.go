package onetime

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/code"
	"github.com/seed-3f7b73d1/onetime/internal/fault"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/script"
	"github.com/seed-3f7b73d1/onetime/internal/subject"
)

// Ranges of what is not the policy's.
const (
	defaultPrefix                = "onetime:v1"
	maxFixedAhead                = 30 * 24 * time.Hour
	maxReplicas                  = 16
	minAckTimeout, maxAckTimeout = time.Millisecond, 10 * time.Second
)

var prefixPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

// An Option sets something of a Manager. Its zero value sets nothing.
type Option struct{ set func(*config) error }

// A config is what options write to; New and Purpose make a Manager of it.
type config struct {
	policy   Policy
	derived  bool // being made by Purpose
	previous [][]byte
	naming   []byte
	runner   script.Runner

	linkHead, linkTail string // a link is head, token, tail
	normalize          func(string) (string, error)
	observer           func(context.Context, Event)
	now                func() time.Time // the local clock

	fixed      map[string]string // as given
	codes      map[string]string // fixed by normalised subject, made for each Manager
	fixedUntil time.Time

	knownSends, knownGuesses []Limit // as given; none: those of strangers

	// What scripts are told, made for each Manager. No limit applies to tokens.
	strangers, known limits
	forTokens        script.Settings
}

func defaultConfig() config {
	return config{
		policy: defaultPolicy(), runner: script.Runner{Prefix: defaultPrefix, Denied: newDenied},
		normalize: subject.Normalize, now: time.Now,
	}
}

// checkNew holds options against the client and the keys, and returns what is derived from the keys.
func (c *config) checkNew(rdb redis.Scripter, key []byte) (*keyring.Ring, error) {
	c.runner.Client = rdb
	ring, errKeys := keyring.New(key, c.previous, c.naming)
	c.previous, c.naming = nil, nil
	return ring, errors.Join(cmp.Or(checkClient(rdb), c.runner.CheckAck()), errKeys)
}

func checkClient(rdb redis.Scripter) error {
	if v := reflect.ValueOf(rdb); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return invalid("New: the client is nil")
	}
	switch rdb.(type) {
	case redis.Pipeliner:
		return invalid("New: the client is a Pipeliner: want one that answers at once")
	case *redis.Ring:
		return invalid("New: the client is a Ring: it forgets locks and used secrets when a shard stalls")
	}
	return nil
}

// check holds settings, each right by itself, against each other, and makes of them what calls need.
func (c *config) check() error {
	if !c.fixedUntil.IsZero() && c.fixedUntil.Sub(c.now()) > maxFixedAhead {
		return invalid("WithDangerouslyFixedCodes: want an end at most %s ahead", maxFixedAhead)
	}
	var err error
	if c.codes, err = c.fixedCodes(); err != nil {
		return err
	}
	p := &c.policy
	p.KnownSendLimits, p.KnownGuessLimits = c.knownSends, c.knownGuesses
	if len(c.knownSends) == 0 {
		p.KnownSendLimits = p.SendLimits
	}
	if len(c.knownGuesses) == 0 {
		p.KnownGuessLimits = p.GuessLimits
	}
	for _, s := range []struct {
		to             *script.Settings
		set            script.Set
		sends, guesses []Limit
	}{
		{&c.strangers.issues, script.Strangers, p.SendLimits, p.GuessLimits},
		{&c.strangers.codes, script.Strangers, nil, p.GuessLimits},
		{&c.known.issues, script.Known, p.KnownSendLimits, p.KnownGuessLimits},
		{&c.known.codes, script.Known, nil, p.KnownGuessLimits},
		{&c.forTokens, script.Strangers, nil, nil},
	} {
		if *s.to, err = script.NewSettings(s.set, p.Keep, p.MaxAttempts, scriptLimits(s.sends), scriptLimits(s.guesses)); err != nil {
			return err
		}
	}
	c.strangers.beside, c.known.beside = c.known.issues.Names(), c.strangers.issues.Names()
	return nil
}

// Limits are what scripts are told of one set: for issues, and for codes that are verified; and which fields of the record
// are the other set's.
type limits struct {
	issues, codes script.Settings
	beside        any
}

// limits returns those of the set that a call counts in.
func (c *config) limits(known bool) *limits {
	if known {
		return &c.known
	}
	return &c.strangers
}

func scriptLimits(limits []Limit) []script.Limit {
	converted := make([]script.Limit, len(limits))
	for i, l := range limits {
		converted[i] = script.Limit(l)
	}
	return converted
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
		c.runner.Prefix = prefix
		return nil
	})
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
		c.runner.Replicas, c.runner.AckTimeout = replicas, timeout
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
		if until.IsZero() {
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
	for typed, given := range c.fixed {
		subject, err := c.subject(typed)
		if err != nil {
			return nil, fault.InvalidBecause(err, "onetime: WithDangerouslyFixedCodes: a key is not a subject")
		}
		clean, ok := code.Alphabet(c.policy.Alphabet).Clean(given, c.policy.CodeLength)
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
