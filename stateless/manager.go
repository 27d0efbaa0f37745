package stateless

import (
	"errors"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/keyring"
	"github.com/seed-3f7b73d1/onetime/internal/subject"
)

const (
	defaultWindow      = 5 * time.Minute
	defaultPrevious    = 1
	minWindow          = 30 * time.Second
	maxPrevious        = 9
	maxLife            = 10 * time.Minute // NIST SP 800-63B-4 3.1.3.2
	minDigits          = 6                // NIST SP 800-63B-4 3.1.3.2
	maxDigits          = 10
	maxBinding         = 512 // bytes
	maxSkew            = 10 * time.Second
	minTTL, maxLinkTTL = 10 * time.Second, 30 * 24 * time.Hour
)

// A Manager makes codes and links, and verifies them. It is immutable and safe for concurrent use.
type Manager struct {
	*config
	ring *keyring.StatelessRing
}

type config struct {
	keys      [][]byte
	window    time.Duration
	previous  int64
	digits    int // 0 for 13 characters of Crockford32
	guard     Guard
	normalize func(string) (string, error)
	now       func() time.Time
}

// An Option sets something of a Manager. Its zero value sets nothing.
type Option struct{ set func(*config) error }

// New returns a Manager. The key has at least 32 bytes, of crypto/rand; whoever has it makes any code and link. All errors
// are [ErrInvalid].
func New(key []byte, opts ...Option) (*Manager, error) {
	c := &config{window: defaultWindow, previous: defaultPrevious, normalize: subject.Normalize, now: time.Now}
	var errs []error
	for _, o := range opts {
		if o.set != nil {
			errs = append(errs, o.set(c))
		}
	}
	ring, err := keyring.NewStateless(key, c.keys)
	c.keys = nil
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return &Manager{c, ring}, nil
}

// WithPreviousKeys lists retired and coming keys that verify too, at most 7, each at least 32 bytes and none twice. A rotation
// takes three deployments: the new key here everywhere, then the new key first, then the old one out once the longest link
// has expired. A subject that is proved under two keys has two [Proof.ID]s.
func WithPreviousKeys(keys ...[]byte) Option {
	var copied [][]byte
	for _, k := range keys {
		copied = append(copied, slices.Clone(k))
	}
	return Option{func(c *config) error {
		c.keys = copied
		return nil
	}}
}

// WithWindow sets how time is cut for codes, and in how many windows after its own a code verifies: 5 min and 1 by default.
// A window has 30 s to 10 min in whole seconds, previous are 0 to 9, and window × (previous + 1) is at most the 10 min that
// NIST SP 800-63B-4 3.1.3.2 allows. A code lives from window × previous to window × (previous + 1): with 0 one that is made
// at the end of a window is dead on arrival.
func WithWindow(window time.Duration, previous int) Option {
	return Option{func(c *config) error {
		if window < minWindow || window > maxLife || window%time.Second != 0 {
			return invalid("WithWindow(%s): want %s to %s in whole seconds", window, minWindow, maxLife)
		}
		if previous < 0 || previous > maxPrevious || window*time.Duration(previous+1) > maxLife {
			return invalid("WithWindow(%s, %d): want 0 to %d previous windows, and no more than %s in all", window, previous, maxPrevious, maxLife)
		}
		c.window, c.previous = window, int64(previous)
		return nil
	}}
}

// WithDigits makes codes of 6 to 10 digits, which people type more easily and anyone guesses: the guard must refuse who
// guesses too often, see [Guard]. Then [Manager.Code] returns a handle, too, which [WithHandle] brings back, so that only who
// asked for a code can guess it.
func WithDigits(n int, guard Guard) Option {
	return Option{func(c *config) error {
		if n < minDigits || n > maxDigits {
			return invalid("WithDigits(%d): want %d to %d", n, minDigits, maxDigits)
		}
		if guard == nil {
			return invalid("WithDigits: want a Guard: without one %d digits are guessed", n)
		}
		c.digits, c.guard = n, guard
		return nil
	}}
}

// WithNormalizer sets what makes one subject of the spellings of an address; it is that of package onetime by default, by
// package address. nil switches it off. An error of the normaliser is wrapped and not printed.
func WithNormalizer(normalize func(typed string) (string, error)) Option {
	if normalize == nil {
		normalize = subject.Same
	}
	return Option{func(c *config) error {
		c.normalize = normalize
		return nil
	}}
}

// WithClock sets the local clock; time.Now by default. It must be safe for concurrent use.
func WithClock(now func() time.Time) Option {
	return Option{func(c *config) error {
		if now == nil {
			return invalid("WithClock: want a clock")
		}
		c.now = now
		return nil
	}}
}

// own checks a purpose, and returns a subject's own spelling.
func (m *Manager) own(purpose, typed string) (string, error) {
	if !subject.IsPurpose(purpose) {
		return "", invalid("purpose: want 1 to 64 characters of a-z 0-9 . _ -, the first a letter or digit")
	}
	return subject.Own("stateless", typed, m.normalize)
}
