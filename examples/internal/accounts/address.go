package accounts

import (
	"errors"
	"net/mail"
	"strings"
)

// ErrAddress is what Spelling says of what is no address.
var ErrAddress = errors.New("accounts: not an e-mail address")

// Spelling returns the one spelling of an address that was typed, as onetimehttp does: without white space around it, and
// with ASCII letters in lower case. Other letters stay as they are: Unicode's lower case makes two people one.
func Spelling(typed string) (string, error) {
	address := strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, strings.TrimSpace(typed))
	// At most 254 bytes: RFC 5321 4.5.3.1.3.
	if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address || len(address) > 254 {
		return "", ErrAddress
	}
	return address, nil
}
