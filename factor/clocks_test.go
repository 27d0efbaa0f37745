package factor_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/factor"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
)

func TestVerify_ClocksUpTo90SecondsApartAreDecidedByRedis(t *testing.T) {
	for _, period := range []time.Duration{15 * time.Second, 30 * time.Second, 60 * time.Second} {
		for _, apart := range []time.Duration{-89 * time.Second, -31 * time.Second, 0, 31 * time.Second, 89 * time.Second} {
			for beside := int64(-2); beside <= 2; beside++ {
				for _, into := range []time.Duration{0, period - time.Millisecond} {
					s := onMini(t)
					s.Advance(t, into)
					blob := s.app(t, factor.WithPeriod(period))
					s.local.set(apart)
					code := hotp(factor.SHA1, apps, 6, s.Now.Unix()/int64(period.Seconds())+beside)
					p, err := s.verify(t, blob, code)
					if -1 <= beside && beside <= 1 {
						require.NoError(t, err, "%s, %s apart, %d", period, apart, beside)
						require.EqualValues(t, beside, p.Drift)
						s.refused(t, blob, code, onetime.ErrUsed)
						continue
					}
					rig.Refused(t, err, onetime.ErrMismatch)
				}
			}
		}
	}
}

func TestVerify_ClocksFurtherApartAreUndecidedAndUncharged(t *testing.T) {
	for _, period := range []time.Duration{15 * time.Second, 30 * time.Second, 60 * time.Second} {
		for _, apart := range []time.Duration{-160 * time.Second, -91 * time.Second, 91 * time.Second, 160 * time.Second} {
			s := onMini(t)
			blob := s.app(t, factor.WithPeriod(period))
			s.local.set(apart)
			for _, code := range []string{hotp(factor.SHA1, apps, 6, s.Now.Unix()/int64(period.Seconds())), "000000"} {
				_, err := s.verify(t, blob, code)
				rig.Undecided(t, err)
				require.ErrorIs(t, err, factor.ErrClock)
			}
			require.Empty(t, s.Records(t))
		}
	}
}
