package factor

import "github.com/seed-3f7b73d1/onetime/internal/fault"

// ErrClock is what errors.Is finds where the clock of this computer is more than 90 s from that of Redis. The call is undecided,
// nothing was judged, charged or used.
var ErrClock = fault.ErrClock
