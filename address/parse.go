package address

import (
	"fmt"
	"strings"
	"unicode"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// A Kind tells what an [Address] is. The zero Kind is none.
type Kind uint8

// The kinds of address.
const (
	KindMail  Kind = 1 // see [Mail]
	KindPhone Kind = 2 // see [Phone]
)

// String returns mail, phone or none.
func (k Kind) String() string {
	switch k {
	case KindMail:
		return "mail"
	case KindPhone:
		return "phone"
	}
	return "none"
}

// An Address is what [Parse] found. Package fmt and encoders of text show its Kind only: addresses do not belong in logs.
type Address struct {
	// Kind tells whether Value is an e-mail address or a phone number.
	Kind Kind
	// Value is the one spelling, as Mail or Phone return it.
	Value string
}

// Format shows the Kind and no more, whatever the verb.
func (a Address) Format(f fmt.State, _ rune) { f.Write(a.redacted()) }

// MarshalText returns the Kind and no more. Encode the Value itself where it is meant to be kept.
func (a Address) MarshalText() ([]byte, error) { return a.redacted(), nil }

func (a Address) redacted() []byte { return []byte("address.Address(" + a.Kind.String() + ")") }

// Parse returns the one spelling of what was typed into a field for either kind. What contains an @ or begins with
// mailto: goes to [Mail], what holds a digit and no letter, or begins with tel:, to [Phone]. No text is an address of
// both kinds. All else is ErrInvalid of package onetime.
func Parse(typed string, opts ...Option) (Address, error) {
	text, err := legible("mail or phone", typed)
	if err != nil {
		return Address{}, err
	}
	a := Address{Kind: kindOf(trim(text))}
	switch a.Kind {
	case KindMail:
		a.Value, err = Mail(typed, opts...)
	case KindPhone:
		a.Value, err = Phone(typed, opts...)
	default:
		err = fault.Invalid("address: want an e-mail address or a phone number")
	}
	if err != nil {
		return Address{}, err
	}
	return a, nil
}

// kindOf returns what a trimmed text can be, if it is anything.
func kindOf(s string) Kind {
	bare := strings.TrimPrefix(s, "<")
	if _, mailto := cutScheme(bare, "mailto:"); mailto || strings.Contains(s, "@") {
		return KindMail
	}
	if _, tel := cutScheme(bare, "tel:"); tel {
		return KindPhone
	}
	if strings.ContainsFunc(s, unicode.IsDigit) && !strings.ContainsFunc(s, unicode.IsLetter) {
		return KindPhone
	}
	return 0
}
