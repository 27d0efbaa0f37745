package onetimesend_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-3f7b73d1/onetime/internal/suite/rig"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

const (
	code   = "123456"
	link   = "https://example.com/sign-in/link?token=AXX1b0c4v-QG_mZz0M3q8yPnVt7s5rJk2LhD9fWgEaBcTuNoIxKpSlYdRiQeHjFwCvUbMz6O14"
	ann    = "ann@example.com"
	number = "+15550100100"
)

var languages = []string{"ar", "de", "en", "es", "fr"}

func TestMain(m *testing.M) { rig.Main(m, rig.Redis) }

// message is a message that could be sent.
func message(change ...func(*onetimesend.Message)) onetimesend.Message {
	m := onetimesend.Message{
		ID: "issue-1", Purpose: "sign-in", Code: code, URL: link, CodeExpiresIn: 5 * time.Minute, ExpiresIn: 10 * time.Minute,
		Brand: onetimesend.Brand{Name: "Example"}, Host: "www.example.com",
	}
	for _, set := range change {
		set(&m)
	}
	return m
}

// everyone is a recipient with an address of each channel.
var everyone = onetimesend.Recipient{Addresses: []onetimesend.Address{
	{Channel: onetimesend.ChannelMail, Value: ann}, {Channel: onetimesend.ChannelSMS, Value: number},
	{Channel: onetimesend.ChannelVoice, Value: number}, {Channel: onetimesend.ChannelWebhook, Value: "user-17"},
}}

// A recorder is a Sender that answers with err and keeps what it was given.
type recorder struct {
	err error

	mu   sync.Mutex
	sent []onetimesend.Recipient
	at   []time.Time
}

func (r *recorder) send(_ context.Context, to onetimesend.Recipient, m onetimesend.Message) (onetimesend.Delivery, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent, r.at = append(r.sent, to), append(r.at, time.Now())
	return onetimesend.Delivery{Channel: to.Addresses[0].Channel, ID: m.ID}, r.err
}

func (r *recorder) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sent)
}

var errBroken = errors.New("broken")

// blocks are the parts of a text that blank lines divide.
func blocks(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n\n") }

// each runs a test for each language.
func each(t *testing.T, test func(t *testing.T, language string)) {
	for _, language := range languages {
		t.Run(language, func(t *testing.T) { test(t, language) })
	}
}
