package onetimesend

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/seed-3f7b73d1/onetime/internal/limit"
)

// A BudgetConfig says what may be sent. Name and Caps are needed.
type BudgetConfig struct {
	// Name tells budgets of one Redis apart: 1 to 16 lower-case letters, digits and dashes. Budgets with one name share their
	// caps, and have the same.
	Name string
	// Prefix leads the key in Redis: "onetime:v1" by default.
	Prefix string
	// Allow are the prefixes of the phone numbers that are sent to, such as +49; + is all of them. Empty, the default: none.
	Allow []string
	// Deny are prefixes that are not, such as +1876 where +1 is allowed. Of two that fit the longer decides, of equal ones Deny.
	Deny []string
	// Caps are checked together: a message passes all or is charged to none.
	Caps []Cap
	// Prices are what one segment of an SMS, or one call, costs by prefix, in a unit of your choice, tenths of a cent, say. The
	// longest prefix decides. They are needed for the caps on cost: a number without a price does not pass those.
	Prices map[string]int64
}

// A Cap lets Burst messages, or cost, pass at once and refills evenly over Per: it is a GCRA (generic cell rate algorithm).
// In its first Per up to twice the Burst can pass, and in any time T never more than Burst × (1 + T/Per).
type Cap struct {
	// Prefix is of the numbers that the cap counts, such as +49; empty: of all addresses.
	Prefix string
	// Burst is 1 to 1,000,000,000, and at most one for each 10 ms of Per.
	Burst int64
	// Per is 1 s to 30 days.
	Per time.Duration
	// Cost counts what messages cost by Prices, instead of messages. An SMS counts its segments either way.
	Cost bool
}

func (c Cap) name() string {
	kind := "n"
	if c.Cost {
		kind = "c"
	}
	return fmt.Sprintf("%s%s/%d", kind, c.Prefix, c.Per.Milliseconds())
}

// remember is how long a message is known, so that a repeat is not charged.
const remember = time.Hour

// A Budget caps what is sent, in Redis, for all processes together. It is immutable and safe for concurrent use. Where Redis
// does not answer, nothing is sent.
type Budget struct {
	config  BudgetConfig
	key     string
	limiter *limit.Limiter
	priced  []string // the prefixes that have a price
}

var (
	budgetName   = regexp.MustCompile(`^[a-z0-9-]{1,16}$`)
	budgetPrefix = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)
	numberPrefix = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)
)

const maxCaps = 64

// NewBudget returns a Budget. It reports all that is wrong; each error is [ErrInvalid]. Redis is not asked.
func NewBudget(rdb redis.UniversalClient, c BudgetConfig) (*Budget, error) {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, invalid(format, args...)) }
	if v := reflect.ValueOf(rdb); rdb == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		wrong("NewBudget: want a client")
	}
	c.Prefix = cmp.Or(c.Prefix, "onetime:v1")
	if !budgetName.MatchString(c.Name) {
		wrong("BudgetConfig.Name(%q): want 1 to 16 lower-case letters, digits and dashes", c.Name)
	}
	if !budgetPrefix.MatchString(c.Prefix) {
		wrong("BudgetConfig.Prefix(%q): want 1 to 64 letters, digits and . _ : -", c.Prefix)
	}
	c.Allow, c.Deny, c.Caps = slices.Clone(c.Allow), slices.Clone(c.Deny), slices.Clone(c.Caps)
	for _, list := range []struct {
		name     string
		prefixes []string
	}{{"Allow", c.Allow}, {"Deny", c.Deny}} {
		for _, prefix := range list.prefixes {
			if prefix != "+" && !numberPrefix.MatchString(prefix) {
				wrong("BudgetConfig.%s(%q): want a prefix such as +49", list.name, prefix)
			}
		}
	}
	prices := map[string]int64{}
	for prefix, price := range c.Prices {
		if prefix != "+" && !numberPrefix.MatchString(prefix) || price < 0 || price > 1e9 {
			wrong("BudgetConfig.Prices(%q): want a prefix such as +49, and 0 to 1000000000", prefix)
		}
		prices[prefix] = price
	}
	c.Prices = prices
	errs = append(errs, checkCaps(c.Caps))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return &Budget{c, c.Prefix + ":budget:{" + c.Name + "}", limit.New(rdb, remember), slices.Collect(maps.Keys(prices))}, nil
}

func checkCaps(caps []Cap) error {
	var errs []error
	if len(caps) < 1 || len(caps) > maxCaps {
		errs = append(errs, invalid("BudgetConfig.Caps: %d caps: want 1 to %d", len(caps), maxCaps))
	}
	seen := map[string]bool{}
	for _, c := range caps {
		if c.Prefix != "" && !numberPrefix.MatchString(c.Prefix) {
			errs = append(errs, invalid("Cap.Prefix(%q): want a prefix such as +49, or none", c.Prefix))
		}
		if c.Per < time.Second || c.Per > 30*24*time.Hour || c.Per%time.Millisecond != 0 {
			errs = append(errs, invalid("Cap.Per(%s): want 1s to 720h0m0s in whole milliseconds", c.Per))
		} else if most := min(1e9, max(1, c.Per.Milliseconds()/10)); c.Burst < 1 || c.Burst > most {
			errs = append(errs, invalid("Cap.Burst(%d) per %s: want 1 to %d", c.Burst, c.Per, most))
		}
		if seen[c.name()] {
			errs = append(errs, invalid("BudgetConfig.Caps: two of prefix %q over %s: want one", c.Prefix, c.Per))
		}
		seen[c.name()] = true
	}
	return errors.Join(errs...)
}

// longest returns the longest of prefixes that number begins with, empty if none does.
func longest(prefixes []string, number string) (found string) {
	for _, p := range prefixes {
		if strings.HasPrefix(number, p) && len(p) > len(found) {
			found = p
		}
	}
	return found
}

// Guard returns a Sender that asks the Budget before send is called. What does not pass is [ErrRefused]; where Redis does not
// answer the error is temporary. All attempts of one message within an hour are charged once. What then fails stays charged.
func (b *Budget) Guard(channel Channel, send Sender) Sender {
	return func(ctx context.Context, to Recipient, m Message) (Delivery, error) {
		address, prepared, err := Prepare(channel, to, m)
		if err != nil {
			return Delivery{}, err
		}
		units := int64(1)
		if channel == ChannelSMS {
			units = int64(Segments(prepared.SMS()))
		}
		if err := b.take(ctx, address, cmp.Or(m.DeliveryID(address), rand.Text()), units); err != nil {
			return Delivery{}, err
		}
		return send(ctx, to, m)
	}
}

// take charges a message to all caps that count it.
func (b *Budget) take(ctx context.Context, to Address, id string, units int64) error {
	refuse := func(why string) error { return Refused(fmt.Errorf("onetimesend: Budget %s: %s", b.config.Name, why)) }
	number := ""
	if to.Channel == ChannelSMS || to.Channel == ChannelVoice {
		number = to.Value
		if allow := longest(b.config.Allow, number); allow == "" || len(longest(b.config.Deny, number)) >= len(allow) {
			return refuse("the prefix of the number is not allowed")
		}
	}
	price, priced := b.config.Prices[longest(b.priced, number)]
	var charges []limit.Charge
	for _, c := range b.config.Caps {
		if !strings.HasPrefix(number, c.Prefix) {
			continue
		}
		charge := limit.Charge{Cap: limit.Cap{Name: c.name(), Burst: c.Burst, Per: c.Per}, Units: units}
		if c.Cost {
			if !priced && number != "" {
				return refuse("the prefix of the number has no price")
			}
			charge.Units *= price
		}
		charges = append(charges, charge)
	}
	err := b.limiter.Take(ctx, b.key, id, charges)
	var refused *limit.RefusedError
	switch {
	case errors.As(err, &refused):
		return refuse(refused.Error())
	case err != nil:
		return Temporary(0, fmt.Errorf("onetimesend: Budget %s: undecided: %w", b.config.Name, err))
	}
	return nil
}

// Left returns how many messages, or how much cost, each cap lets pass now, in the order of the Caps.
func (b *Budget) Left(ctx context.Context) ([]int64, error) {
	caps := make([]limit.Cap, len(b.config.Caps))
	for i, c := range b.config.Caps {
		caps[i] = limit.Cap{Name: c.name(), Burst: c.Burst, Per: c.Per}
	}
	left, err := b.limiter.Look(ctx, b.key, caps)
	if err != nil {
		return nil, fmt.Errorf("onetimesend: Budget %s: undecided: %w", b.config.Name, err)
	}
	return left, nil
}
