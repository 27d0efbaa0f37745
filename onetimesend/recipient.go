package onetimesend

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A Channel is a way to a person.
type Channel string

// The channels that this package knows.
const (
	ChannelMail    Channel = "mail"
	ChannelSMS     Channel = "sms"
	ChannelVoice   Channel = "voice"
	ChannelWebhook Channel = "webhook"
)

// An Address is where a person is reached by a channel: one e-mail address, one phone number in E.164 form (+15550100100),
// or for webhooks whatever the receiver knows the person by. It prints without its Value.
type Address struct {
	Channel Channel
	Value   string
}

// maxAddress is the longest path of RFC 5321 without its brackets.
const maxAddress = 254

// Check reports whether an address can be one of its channel; the error is [ErrInvalid] and does not hold it. What could
// end a line, a header or an address, or begin another, is refused: control characters, white space, commas, semicolons,
// brackets and quotes.
func (a Address) Check() error {
	ok := len(a.Value) > 0 && len(a.Value) <= maxAddress && utf8.ValidString(a.Value) && !strings.ContainsFunc(a.Value, unseen)
	switch a.Channel {
	case ChannelMail:
		local, domain, found := cutLast(a.Value, "@")
		if !ok || !found || local == "" || domain == "" || strings.ContainsAny(a.Value, " \u00a0,;:<>()[]\\\"") || strings.Contains(local, "@") {
			return invalid("Address of mail: want one address, as user@example.com, at most %d bytes", maxAddress)
		}
	case ChannelSMS, ChannelVoice:
		if !isPhone(a.Value) {
			return invalid("Address of %s: want a number in E.164 form, as +15550100100", a.Channel)
		}
	case ChannelWebhook:
		if !ok {
			return invalid("Address of webhook: want 1 to %d bytes on one line", maxAddress)
		}
	default:
		return invalid("Address: unknown channel: want mail, sms, voice or webhook")
	}
	return nil
}

// isPhone reports whether text is a number in E.164 form: +, no zero, 8 to 15 digits.
func isPhone(text string) bool {
	if len(text) < 9 || len(text) > 16 || text[0] != '+' || text[1] == '0' {
		return false
	}
	for _, b := range []byte(text[1:]) {
		if b < '0' || b > '9' {
			return false
		}
	}
	return true
}

// Format prints the channel only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (a Address) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "onetimesend.Address(%s)", a.Channel) }

// MarshalText returns the channel only; JSON and slog use it.
func (a Address) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "onetimesend.Address(%s)", a.Channel), nil
}

// A Recipient is a person: the addresses, the preferred one first, and the language. It prints without them.
type Recipient struct {
	// Addresses are those that are stored with the account, not what was typed.
	Addresses []Address
	// Locale is the language of the person, as BCP 47 writes it; empty: that of the Message.
	Locale string
}

// To returns a recipient with one address.
func To(channel Channel, value string) Recipient {
	return Recipient{Addresses: []Address{{channel, value}}}
}

// Address returns the first address of a channel.
func (r Recipient) Address(channel Channel) (Address, bool) {
	for _, a := range r.Addresses {
		if a.Channel == channel {
			return a, true
		}
	}
	return Address{}, false
}

// ErrExpired is what errors.Is finds where a message is older than the first of its secrets. It was not sent.
var ErrExpired = errors.New("onetimesend: the message is older than its secret")

// Prepare is how a [Sender] of one channel begins: it returns the address of the channel and the message in the language of
// the recipient, good for what is left of its life. Where there is no such address, where it or the message is not one, or
// where nothing is left ([ErrExpired]), the error is permanent.
func Prepare(channel Channel, to Recipient, m Message) (Address, Message, error) {
	address, ok := to.Address(channel)
	if !ok {
		return Address{}, m, Permanent(fmt.Errorf("onetimesend: the recipient has no address of the channel %s", channel))
	}
	now := time.Now()
	m = m.to(to)
	if !m.IssuedAt.IsZero() && !now.Before(m.expires(now)) {
		return Address{}, m, Permanent(ErrExpired)
	}
	m = m.aged(now)
	if err := address.Check(); err != nil {
		return Address{}, m, Permanent(err)
	}
	if err := m.Check(); err != nil {
		return Address{}, m, Permanent(err)
	}
	return address, m, nil
}

// Format prints the number of addresses only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (r Recipient) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "onetimesend.Recipient(%d)", len(r.Addresses))
}

// MarshalText returns the number of addresses only; JSON and slog use it.
func (r Recipient) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "onetimesend.Recipient(%d)", len(r.Addresses)), nil
}
