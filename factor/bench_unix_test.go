//go:build unix

package factor_test

import (
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// used is the processor time of the program so far.
func used(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// The processor time of wrong recovery codes, which never reach Redis.
func BenchmarkVerifyRecovery_Wrong(b *testing.B) {
	f := offline(b)
	codes, err := f.RecoveryCodes(alice, 10)
	if err != nil {
		b.Fatal(err)
	}
	before := used(b)
	for i := 0; b.Loop(); i++ {
		if _, err := f.VerifyRecovery(b.Context(), alice, fmt.Sprintf("%X%016d", i%10, i), codes.Blob); !errors.Is(err, onetime.ErrMismatch) {
			b.Fatal(err)
		}
	}
	one := (used(b) - before).Seconds() / float64(b.N)
	b.ReportMetric(1000*one, "cpu-ms/code")
	b.ReportMetric(10_000*one, "cpu-s/10000")
}
