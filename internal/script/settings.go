package script

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// A Limit lets Burst events pass at once and refills evenly over Per, in whole milliseconds.
type Limit struct {
	Burst int
	Per   time.Duration
}

// interval is the time in ms in which one event is refilled. Rounding up keeps the bound.
func (l Limit) interval() int64 {
	per, burst := l.Per.Milliseconds(), int64(l.Burst)
	interval := per / burst
	if per%burst > 0 {
		interval++
	}
	return interval
}

// A Set is what counts together in a record: the letters that lead the fields of its send limits and guess limits, and the
// name of its row of wrong codes.
type Set struct{ send, guess, row string }

// The sets. Strangers show no credential; all known browsers of a person share one set.
var (
	Strangers = Set{"s", "g", "f"}
	Known     = Set{"S", "G", "F"}
)

// Settings is what scripts are told of a policy, made once so that no call has to.
type Settings struct {
	Counts string // a byte each: slots that count, wrong codes allowed, number of send limits, of guess limits; the row
	Rates  any    // of each limit 8 bytes: interval and capacity in ms
	Fields []any  // of each limit its name in the record
}

// Names returns the fields of the set in the record, a blank between two.
func (s Settings) Names() string {
	names := s.Counts[len(s.Counts)-1:]
	for _, field := range s.Fields {
		names += " " + field.(string)
	}
	return names
}

// NewSettings puts counts into bytes and limits into 32 bits each. What does not fit is an error, and never cut.
func NewSettings(set Set, keep, attempts int, sends, guesses []Limit) (Settings, error) {
	var counts []byte
	for _, n := range []int{keep, attempts, len(sends), len(guesses)} {
		if n < 0 || n > math.MaxUint8 {
			return Settings{}, fmt.Errorf("onetime: a count of %d does not fit into a byte", n)
		}
		counts = append(counts, byte(n))
	}
	var rates []byte
	var fields []any
	for i, l := range slices.Concat(sends, guesses) {
		kind := set.send
		if i >= len(sends) {
			kind = set.guess
		}
		if l.Burst < 1 || l.Per < time.Millisecond {
			return Settings{}, fmt.Errorf("onetime: a limit of %d per %s has no rate", l.Burst, l.Per)
		}
		interval := l.interval()
		if interval > math.MaxUint32/int64(l.Burst) {
			return Settings{}, fmt.Errorf("onetime: a limit of %d per %s does not fit into 32 bits", l.Burst, l.Per)
		}
		rates = binary.BigEndian.AppendUint32(rates, uint32(interval))
		rates = binary.BigEndian.AppendUint32(rates, uint32(interval*int64(l.Burst)))
		fields = append(fields, kind+strconv.FormatInt(l.Per.Milliseconds(), 10))
	}
	return Settings{string(counts) + set.row, string(rates), fields}, nil
}
