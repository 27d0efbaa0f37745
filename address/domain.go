package address

import (
	"errors"
	"net/netip"
	"strings"

	"golang.org/x/net/idna"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// maxLabel is the limit of RFC 1035, section 2.3.4, in bytes. That of the whole domain, 253, is beyond maxMail.
const maxLabel = 63

// domainPart returns the lower-case A-labels of a domain, or what is between the brackets of an address literal.
func domainPart(s string, local bool) (string, error) {
	if strings.HasPrefix(s, "[") {
		if !local {
			return "", fault.Invalid("address: mail: want a domain, not an address literal")
		}
		return literal(s)
	}
	for _, r := range s {
		if blank(r) && r != zwj && r != zwnj { // IDNA drops some of them, and knows where a joiner may stand
			return "", fault.Invalid("address: mail: want no blanks and no invisible characters behind the @")
		}
	}
	// Unicode 16 maps the capital ẞ to ß, older tables to ss: without this an update of Go would move mailboxes.
	s = strings.ReplaceAll(s, "ẞ", "ß")
	ascii, err := idna.Lookup.ToASCII(s)
	if err == nil {
		// Package idna takes some U-labels whose A-labels it refuses: with a Hebrew letter that came from a symbol, such as
		// U+2135, beside a Latin one, or with more than 30 combining marks in a row.
		var again string
		if again, err = idna.Lookup.ToASCII(ascii); again != ascii {
			err = errors.New("idna: a name with two spellings")
		}
	}
	if err != nil {
		return "", fault.InvalidBecause(err, "address: mail: want a domain that IDNA allows behind the @")
	}
	if text := checkDomain(ascii, local); text != "" {
		return "", fault.Invalid("address: mail: %s", text)
	}
	return ascii, nil
}

// checkDomain returns what is wrong with the form of a domain in ASCII.
func checkDomain(s string, local bool) string {
	if s == "" {
		return "want a domain behind the @"
	}
	last, dots := 0, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '.' {
			continue
		}
		switch label := s[last:i]; {
		case label == "":
			return "want no empty part between the dots of the domain"
		case len(label) > maxLabel:
			return "want at most 63 bytes between the dots of the domain"
		case label[0] == '-', label[len(label)-1] == '-':
			return "want no hyphen at either end of a part of the domain"
		}
		if i < len(s) {
			last, dots = i+1, dots+1
		}
	}
	switch top := s[last:]; {
	case number(top):
		return "want a domain that does not end in a number"
	case !local && (dots == 0 || top == "localhost"):
		return "want a public domain, with a dot in it"
	}
	return ""
}

// number reports whether programs would take a host that ends in this label for an IPv4 address: digits, or 0x and
// hexadecimal digits.
func number(label string) bool {
	if hex, found := strings.CutPrefix(label, "0x"); found {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}

// literal returns the one spelling of an address literal (RFC 5321, section 4.1.3).
func literal(s string) (string, error) {
	wrong := fault.Invalid("address: mail: want [IPv4] or [IPv6:…] as the address literal")
	inner, closed := strings.CutSuffix(s[1:], "]")
	v6, tagged := cutScheme(inner, "IPv6:")
	addr, err := netip.ParseAddr(v6)
	if !closed || err != nil || addr.Is6() != tagged || addr.Zone() != "" {
		return "", wrong
	}
	if tagged {
		return "[IPv6:" + addr.String() + "]", nil
	}
	return "[" + addr.String() + "]", nil
}
