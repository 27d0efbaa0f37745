package onetimesend

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	mathrand "math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// A lane is the messages of one domain. One that is slow holds up itself alone.
type lane struct {
	name             string
	waiting, running int
	ready            []*task
}

// laneOf names the lane of a recipient: the domain of a mail, the host that a webhook's address names, if it is a URL, of a
// phone number the channel and the first three digits.
func laneOf(to Recipient) string {
	if len(to.Addresses) == 0 {
		return ""
	}
	a := to.Addresses[0]
	switch a.Channel {
	case ChannelMail:
		_, domain, _ := cutLast(a.Value, "@")
		return "mail " + strings.ToLower(domain)
	case ChannelWebhook:
		if u, err := url.Parse(a.Value); err == nil {
			return "webhook " + strings.ToLower(u.Host)
		}
		return "webhook"
	}
	return string(a.Channel) + " " + a.Value[:min(len(a.Value), 4)]
}

// lane returns the lane of a name, a new one if need be. The caller holds mu.
func (q *Queue) lane(name string) *lane {
	l := q.lanes[name]
	if l == nil {
		l = &lane{name: name}
		q.lanes[name] = l
	}
	return l
}

// leave forgets a lane that has nothing. The caller holds mu.
func (q *Queue) leave(l *lane) {
	if l.waiting == 0 && l.running == 0 {
		delete(q.lanes, l.name)
	}
}

// next takes the task whose turn it is, nil if no worker is free for any. A lane gets another worker as long as it has fewer
// than are free: alone it gets half of them, the next lane half of the rest, and one more lane finds at least one as long as
// there are fewer slow ones than the number of workers has halves. The lanes take turns. The caller holds mu.
func (q *Queue) next() *task {
	free := q.settings.workers - q.running
	if free <= 0 {
		return nil
	}
	for i, l := range q.order {
		if l.running > 0 && l.running >= free && q.ended.Err() == nil {
			continue
		}
		t := l.ready[0]
		l.ready = slices.Delete(l.ready, 0, 1)
		q.order = slices.Delete(q.order, i, i+1)
		if len(l.ready) > 0 {
			q.order = append(q.order, l)
		}
		q.waiting--
		l.waiting--
		q.running++
		l.running++
		return t
	}
	return nil
}

// A recipientLimiter limits messages by address. It keeps digests, of addresses whose limits are not refilled.
type recipientLimiter struct {
	limits []onetime.Limit
	times  map[[32]byte][]time.Time // of each limit, when it is refilled
	sweep  int                      // how many there may be before those that are refilled are dropped
}

// allow charges one message to an address, or none if a limit is empty: a GCRA for each limit.
func (r *recipientLimiter) allow(to Address, now time.Time) bool {
	if len(r.limits) == 0 {
		return true
	}
	key := sha256.Sum256([]byte(string(to.Channel) + " " + strings.ToLower(to.Value)))
	full := slices.Clone(r.times[key])
	if full == nil {
		full = make([]time.Time, len(r.limits))
	}
	for i, l := range r.limits {
		if full[i].Before(now) {
			full[i] = now
		}
		full[i] = full[i].Add(l.Per / time.Duration(l.Burst))
		if full[i].Sub(now) > l.Per {
			return false
		}
	}
	if r.times == nil {
		r.times, r.sweep = map[[32]byte][]time.Time{}, 1024
	}
	r.times[key] = full
	if len(r.times) > r.sweep {
		for key, times := range r.times {
			if !slices.ContainsFunc(times, now.Before) {
				delete(r.times, key)
			}
		}
		r.sweep = max(1024, 2*len(r.times))
	}
	return true
}

// durations are those of the last deliveries, so that a decoy can take as long as one.
type durations struct {
	last  [64]time.Duration
	count int
}

func (d *durations) add(took time.Duration) {
	d.last[d.count%len(d.last)] = took
	d.count++
}

// pick returns one of them at random, 0 as long as there is none.
func (d *durations) pick() time.Duration {
	n := min(d.count, len(d.last))
	if n == 0 {
		return 0
	}
	return d.last[mathrand.IntN(n)]
}

func randomID() string {
	id := make([]byte, 12)
	rand.Read(id)
	return base64.RawURLEncoding.EncodeToString(id)
}

// standIn gives a decoy's message what a real one has, so that it takes as long to render and lives as long.
func (m Message) standIn() Message {
	if m.Code == "" && m.URL == "" && m.CodeExpiresIn == 0 && m.ExpiresIn == 0 {
		m.CodeExpiresIn = 5 * time.Minute
	}
	if m.Code == "" && m.CodeExpiresIn > 0 {
		m.Code = "000000"
	}
	if m.URL == "" && m.ExpiresIn > 0 {
		m.URL = "https://example.com/sign-in/link?token=" + strings.Repeat("A", 76)
	}
	return m
}
