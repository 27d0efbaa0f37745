package suite_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimehttp"
)

// The rows of docs/operations.md: what a request costs and for how long.
var costRow = regexp.MustCompile(`(?m)^\| ([^|]+) \| ([0-9,]+|nothing) \| ([0-9.]+ (?:minutes|hours)|–) \|$`)

// costs are the rows of the table by their names.
func costs(t *testing.T) map[string][]string {
	_, text, found := strings.Cut(rig.Text(t, "docs/operations.md"), "\n**What a stranger's request costs.**")
	require.True(t, found)
	text, _, _ = strings.Cut(text, "\n**")
	rows := map[string][]string{}
	for _, row := range costRow.FindAllStringSubmatch(text, -1) {
		rows[row[1]] = row[2:]
	}
	return rows
}

func lifetime(t *testing.T, text string) time.Duration {
	number, unit, _ := strings.Cut(text, " ")
	n, err := strconv.ParseFloat(number, 64)
	require.NoError(t, err)
	return time.Duration(n * float64(map[string]time.Duration{"minutes": time.Minute, "hours": time.Hour}[unit]))
}

// What each kind of request costs at most, as docs/operations.md says, on a real Redis under the default policy.
func TestCosts_OfWhatStrangersSend(t *testing.T) {
	const short = "nobody.1@example.com" // 20 bytes
	long := strings.Repeat("a", 242) + "@example.com"
	accented := strings.Repeat("é", 121) + "@example.com"
	eight := func(address string) func(*testing.T, *rig.Backend, http.Handler) {
		return func(t *testing.T, b *rig.Backend, handler http.Handler) {
			tries := 0
			for i := range 8 {
				b.Advance(t, []time.Duration{0, 31, 31, 31, 31, 57, 181, 181}[i]*time.Second) // as soon as the send limits let it
				s := newStranger(t, handler)
				s.start(address)
				for range []int{2, 2, 1, 1, 1, 1, 1, 1}[i] {
					s.try(address, strconv.Itoa(100000+tries))
					tries++
				}
			}
			require.Equal(t, 10, tries, "as many as are judged at once")
		}
	}
	one := func(do func(s *stranger)) func(*testing.T, *rig.Backend, http.Handler) {
		return func(t *testing.T, _ *rig.Backend, handler http.Handler) { do(newStranger(t, handler)) }
	}
	start := func(address string) func(*testing.T, *rig.Backend, http.Handler) {
		return one(func(s *stranger) { s.start(address) })
	}
	measured := map[string]func(*testing.T, *rig.Backend, http.Handler){
		"Start, an invented address of 20 bytes":            start(short),
		"Start, an invented address of 254 bytes":           start(long),
		"Start, an invented address of 254 bytes, no ASCII": start(accented),
		"Start, the address of an account, of 20 bytes":     start(account),
		"Start, refused by a send limit": func(t *testing.T, _ *rig.Backend, handler http.Handler) {
			s := newStranger(t, handler)
			s.start(short)
			s.send(http.StatusSeeOther, "/sign-in", "address", short)
		},
		"Start, and again after 30 s": func(t *testing.T, b *rig.Backend, handler http.Handler) {
			s := newStranger(t, handler)
			s.start(short)
			b.Advance(t, 31*time.Second)
			s.start(short)
		},
		"Start, and one wrong code":                                     one(func(s *stranger) { s.start(short); s.try(short, "000001") }),
		"Start in eight browsers within 10 minutes, and 10 wrong codes": eight(short),
		"the same, of an address of 254 bytes":                          eight(long),
		"a code for an address that nothing was sent to": one(func(s *stranger) {
			s.send(http.StatusOK, "/sign-in")
			s.try(short, "000001")
			s.try(account, "000001")
		}),
		"the start page": one(func(s *stranger) { s.send(http.StatusOK, "/sign-in") }),
		"a link with an invented token": one(func(s *stranger) {
			token := strings.Repeat("A", 76)
			s.send(http.StatusBadRequest, "/sign-in/link?token="+token)
			s.send(http.StatusSeeOther, "/sign-in/link", "token", token, "here", "yes")
		}),
		"anything that a Limiter refuses": func(t *testing.T, b *rig.Backend, _ http.Handler) {
			s := newStranger(t, newFlow(t, linked(t, b), func(c *onetimehttp.Config) {
				c.Limiter = func(*http.Request) (time.Duration, error) { return time.Minute, nil }
				c.VerifyLimiter = c.Limiter
			}))
			s.send(http.StatusSeeOther, "/sign-in", "address", short)
			s.send(http.StatusSeeOther, "/sign-in/code", "address", short, "code", "000001")
		},
	}
	rows := costs(t)
	for name := range rows {
		require.Contains(t, measured, name, "a row that nothing measures")
	}
	for name, run := range measured {
		t.Run(name, func(t *testing.T) {
			rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
				run(t, b, newFlow(t, linked(t, b), nil))
				bytes, lasts := int64(0), time.Duration(0)
				for _, key := range b.Records(t) {
					memory, err := b.Raw.MemoryUsage(t.Context(), key, 0).Result()
					require.NoError(t, err)
					left, err := b.Raw.PTTL(t.Context(), key).Result()
					require.NoError(t, err)
					bytes, lasts = bytes+memory, max(lasts, left)
				}
				t.Logf("%d bytes for %s", bytes, lasts)
				require.Contains(t, rows, name, "docs/operations.md has no such row")
				row := rows[name]
				if row[0] == "nothing" {
					require.Zero(t, bytes)
					return
				}
				most, err := strconv.ParseInt(strings.ReplaceAll(row[0], ",", ""), 10, 64)
				require.NoError(t, err)
				require.LessOrEqual(t, bytes, most)
				require.LessOrEqual(t, lasts, lifetime(t, row[1]))
			})
		})
	}
}

// linked returns a Manager under the default policy, with links.
func linked(t *testing.T, b *rig.Backend) *onetime.Manager {
	return b.Manager(t, onetime.WithLinkBase("https://example.com/sign-in/link"))
}

// A decoy holds as many bytes as what is issued to an account, whatever the length of the address, of the account's subject up
// to 36 bytes, or of the address beside the subject.
func TestRule11_DecoysHoldWhatRealIssuesHold(t *testing.T) {
	rig.OnRedis(t, func(t *testing.T, b *rig.Backend) {
		m := b.Manager(t, onetime.WithLinkBase("https://example.com/sign-in/link"), onetime.WithSendLimits())
		sizes := func(address string, lookup string) map[string]int {
			require.NoError(t, b.Raw.FlushDB(t.Context()).Err())
			newStranger(t, newFlow(t, m, func(c *onetimehttp.Config) {
				c.Lookup = accountOf(lookup)
			})).start(address)
			found := map[string]int{}
			for field, value := range b.Record(t, b.Only(t)) {
				if len(field) > 9 {
					field = field[9:] // the scope is that of the browser
				}
				found[field] = len(value)
			}
			return found
		}
		for _, length := range []int{3, 20, 32, 33, 61, 62, 69, 70, 71, 72, 83, 84, 100, 142, 143, 144, 145, 189, 200, 217, 225, 226, 240, 254} {
			address := strings.Repeat("a", length-2) + "@b"
			decoy := sizes(address, "")
			for _, whose := range []string{"7", "user-17", strings.Repeat("u", 36), address} {
				require.Equal(t, decoy, sizes(address, whose), "an address of %d bytes, and a subject of %d", length, len(whose))
			}
		}
	})
}
