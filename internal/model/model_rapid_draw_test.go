package model

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/keyring"
)

// What a check is drawn from. Few people, purposes and bindings, so that calls meet.
var (
	subjects = []string{"alice@example.com", "reviewer@example.com"}
	purposes = []string{"login", "reset"}
	bindings = []string{"", "", "cookie", "phone"}
	// Of a code, the request that it is tied to; of a call, the form that it is a sending of.
	ties  = []string{"", "", "the first request", "the second request"}
	forms = []string{"", "", "the first of the forms", "the second of the forms"}

	namingKey = []byte(strings.Repeat("n", 32))
	// Of two keys, in the order in which a rotation puts them, and instances that missed a step of it.
	rings = [][]string{{"new", "old"}, {"old", "new"}, {"old"}, {"new"}}

	otpTTLs   = []time.Duration{10 * time.Second, 5 * time.Minute, 10 * time.Minute, 61234 * time.Millisecond}
	tokenTTLs = []time.Duration{10 * time.Second, 10 * time.Minute, time.Hour, 30 * 24 * time.Hour}
	pers      = []time.Duration{time.Second, 1001 * time.Millisecond, 7 * time.Second, time.Minute, time.Hour, 30 * 24 * time.Hour}
)

const (
	fixedCode = "424242"
	linkBase  = "https://example.com/in"
)

func drawLimits(t *rapid.T, name string, least, most int) []onetime.Limit {
	return rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) onetime.Limit {
		return onetime.Limit{Burst: rapid.IntRange(1, 6).Draw(t, "burst"), Per: rapid.SampledFrom(pers).Draw(t, "per")}
	}), least, most, func(l onetime.Limit) time.Duration { return l.Per }).Draw(t, name)
}

// drawPolicy draws the settings of a purpose. Generous ones let failures and issues add up.
func drawPolicy(t *rapid.T, generous bool) onetime.Policy {
	p := onetime.Policy{
		MaxAttempts: rapid.IntRange(1, 16).Draw(t, "attempts"),
		Keep:        rapid.SampledFrom([]int{2, 1, 3, 5, 4}).Draw(t, "keep"),
		OTPTTL:      rapid.SampledFrom(otpTTLs).Draw(t, "code lives"),
		TokenTTL:    rapid.SampledFrom(tokenTTLs).Draw(t, "token lives"),
		GuessLimits: []onetime.Limit{{Burst: 100, Per: time.Hour}},
	}
	if !generous && rapid.Bool().Draw(t, "few sends") {
		p.SendLimits = drawLimits(t, "sends", 1, 4)
	}
	if !generous && rapid.Bool().Draw(t, "few guesses") {
		p.GuessLimits = drawLimits(t, "guesses", 1, 4)
	}
	p.KnownSendLimits, p.KnownGuessLimits = p.SendLimits, p.GuessLimits
	if !generous && rapid.Bool().Draw(t, "few sends of known browsers") {
		p.KnownSendLimits = drawLimits(t, "sends of known browsers", 1, 4)
	}
	if !generous && rapid.Bool().Draw(t, "few guesses of known browsers") {
		p.KnownGuessLimits = drawLimits(t, "guesses of known browsers", 1, 4)
	}
	return p
}

// credential is what makes a browser known to be the subject's, to every instance.
var credential = sync.OnceValue(func() map[string]string {
	ring, err := keyring.New(namingKey, nil, namingKey)
	if err != nil {
		panic(err)
	}
	all := map[string]string{}
	for _, subject := range subjects {
		all[subject] = ring.BrowserCredential(subject, time.Now())
	}
	return all
})

// browser draws what a call shows of a browser, and reports whether it is known to be the subject's. Only bound calls show any.
func browser(t *rapid.T, subject, binding string) (shown onetime.CallOption, known bool) {
	if binding == "" {
		return nil, false
	}
	mine, other := credential()[subject], credential()[subjects[0]]
	if subject == subjects[0] {
		other = credential()[subjects[1]]
	}
	switch rapid.SampledFrom([]string{"none", "its own", "its own", "empty", "another's", "both"}).Draw(t, "credential") {
	case "its own":
		return onetime.WithKnownBrowser(mine), true
	case "empty":
		return onetime.WithKnownBrowser(""), false
	case "another's":
		return onetime.WithKnownBrowser(other), false
	case "both":
		return onetime.WithKnownBrowser(other + "." + mine), true
	}
	return nil, false
}

// drawInstances draws two instances of each purpose. They may know different keys and have different settings.
func drawInstances(t *rapid.T, s *server, generous bool) []*instance {
	var instances []*instance
	for _, purpose := range purposes {
		policy := drawPolicy(t, generous)
		fixed := rapid.Bool().Draw(t, "fixed code")
		for n := range 2 {
			switch rapid.SampledFrom([]string{"same", "same", "changed", "limits, too"}).Draw(t, "settings") {
			case "changed":
				changed := drawPolicy(t, generous)
				changed.SendLimits, changed.GuessLimits = policy.SendLimits, policy.GuessLimits
				changed.KnownSendLimits, changed.KnownGuessLimits = policy.KnownSendLimits, policy.KnownGuessLimits
				policy = changed
			case "limits, too":
				policy = drawPolicy(t, generous)
			}
			policy.Purpose = purpose
			by := newInstance(t, s, policy, rapid.SampledFrom(rings).Draw(t, "ring"), fixed)
			by.name = fmt.Sprintf("%s %d", purpose, n+1)
			t.Logf("%s: keys %v, %+v, fixed %v", by.name, by.ring, policy, by.fixed)
			instances = append(instances, by)
		}
	}
	return instances
}

func newInstance(t *rapid.T, s *server, p onetime.Policy, ring []string, fixed bool) *instance {
	keys := make([][]byte, len(ring))
	for i, name := range ring {
		keys[i] = []byte(strings.Repeat(name, 11))
	}
	m, err := onetime.New(s, keys[0], onetime.WithPreviousKeys(keys[1:]...), onetime.WithNamingKey(namingKey),
		onetime.WithLinkBase(linkBase))
	require.NoError(t, err)
	opts := []onetime.Option{
		onetime.WithMaxAttempts(p.MaxAttempts), onetime.WithKeep(p.Keep), onetime.WithOTPTTL(p.OTPTTL), onetime.WithTokenTTL(p.TokenTTL),
		onetime.WithSendLimits(p.SendLimits...), onetime.WithGuessLimits(p.GuessLimits...),
		onetime.WithKnownBrowsers(90*24*time.Hour, p.KnownSendLimits, p.KnownGuessLimits),
	}
	by := &instance{policy: p, ring: ring, fixed: map[string]string{}}
	if fixed {
		by.fixed[subjects[1]] = fixedCode
		opts = append(opts, onetime.WithDangerouslyFixedCodes(by.fixed, time.Now().Add(24*time.Hour)))
	}
	by.Manager, err = m.Purpose(p.Purpose, opts...)
	require.NoError(t, err)
	return by
}

// spelled draws a spelling of a subject.
func spelled(t *rapid.T, subject string) string {
	return rapid.SampledFrom([]string{subject, subject, strings.ToUpper(subject), " " + subject + "\t"}).Draw(t, "spelling")
}

// typed draws how a code is typed.
func typed(t *rapid.T, code string) string {
	return fmt.Sprintf(rapid.SampledFrom([]string{"%s%s", "%s%s", "%s-%s", " %s\u200b%s\n"}).Draw(t, "typed"), code[:3], code[3:])
}

// recent draws from a list, the newest as often as all others together.
func recent[E any](t *rapid.T, name string, list []E) E {
	n := len(list)
	return list[n-1-rapid.OneOf(rapid.Just(0), rapid.IntRange(0, n-1)).Draw(t, name)]
}

// of returns the instances of a purpose.
func (m *machine) of(purpose string) []*instance {
	return slices.DeleteFunc(slices.Clone(m.instances), func(i *instance) bool { return i.policy.Purpose != purpose })
}

// instanceOf draws an instance, as a rule of a purpose.
func (m *machine) instanceOf(t *rapid.T, purpose string) *instance {
	if rapid.IntRange(0, 15).Draw(t, "purpose") == 15 {
		return rapid.SampledFrom(m.instances).Draw(t, "instance")
	}
	return rapid.SampledFrom(m.of(purpose)).Draw(t, "instance")
}

// A target is where a call goes: as a rule to a place that has had an issue before.
type target struct {
	by               *instance
	subject, binding string
}

func (m *machine) target(t *rapid.T) target {
	if len(m.issues) == 0 || rapid.IntRange(0, 4).Draw(t, "target") == 4 {
		return target{
			rapid.SampledFrom(m.instances).Draw(t, "instance"),
			rapid.SampledFrom(subjects).Draw(t, "subject"), rapid.SampledFrom(bindings).Draw(t, "binding"),
		}
	}
	i := recent(t, "as of issue", m.issues)
	return target{m.instanceOf(t, i.purpose), i.subject, i.binding}
}

// requests draws those that a code is shown under: as a rule its own is among them.
func requests(t *rapid.T, own string) []string {
	switch rapid.IntRange(0, 7).Draw(t, "requests") {
	case 5:
		return []string{rapid.SampledFrom(ties).Draw(t, "request")}
	case 6, 7:
		if own != "" {
			return [][]string{{ties[2], ties[3]}, {ties[3], ties[2]}, {"of nothing, the one", own, "of nothing, the other"}}[rapid.IntRange(0, 2).Draw(t, "order")]
		}
	}
	return []string{own}
}

// code draws a code and the requests that it is shown under: one that was issued, here or elsewhere, alive or not, or one of
// a few wrong ones.
func (m *machine) code(t *rapid.T, to target) (string, []string) {
	var here, all []*issue
	for _, i := range m.issues {
		if i.code == "" {
			continue
		}
		all = append(all, i)
		if i.place == (place{to.by.policy.Purpose, to.subject}) && i.binding == to.binding {
			here = append(here, i)
		}
	}
	shown := func(i *issue) (string, []string) { return i.code, requests(t, i.request) }
	switch kind := rapid.SampledFrom([]string{"here", "here", "any", "wrong", "wrong"}).Draw(t, "code"); {
	case kind == "here" && len(here) > 0:
		return shown(recent(t, "code of issue", here))
	case kind == "any" && len(all) > 0:
		return shown(recent(t, "code of issue", all))
	}
	return wrongCode(rapid.IntRange(0, 19).Draw(t, "wrong")), requests(t, "")
}

func wrongCode(n int) string { return fmt.Sprintf("%06d", n) }
