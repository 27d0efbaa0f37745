package address

import (
	"errors"
	"maps"
	"strings"

	"github.com/seed-3f7b73d1/onetime/internal/fault"
)

// An Option sets what else is an address. Make it once and use it for many calls: it is immutable and safe for concurrent
// use. The zero Option changes nothing.
type Option struct{ set func(*config) error }

type config struct {
	local    bool
	national map[string]string // country code by the prefix of the national form
}

// AllowLocal lets mail stay in a network of one's own: a domain may have no dot, as in root@localhost, may end in
// localhost, and may be an address literal, as in ann@[10.0.0.5] and ann@[IPv6:2001:db8::5]. Do not set it where
// strangers type addresses: it lets them name hosts behind the firewall.
func AllowLocal() Option {
	return Option{func(c *config) error {
		c.local = true
		return nil
	}}
}

// National lets phone numbers be written without their country code. The table says which country the prefix of such a
// number stands for: {"0": "49"} makes +49305550100 of 030 5550100. The longest prefix that fits counts, and is replaced
// by the country code. A prefix that begins with 0 stays for 39: Italy's 06 5550100 is +39065550100. The empty prefix
// fits every number and is for countries that dial without one: {"": "34"}, and for North America {"": "1", "1": "1"}.
//
// The table says what callers know, such as the country that a site serves: a number that fits is believed to be of that
// country. Prefixes are digits and do not begin with 00, which stands for +; country codes are those of E.164, one to
// three digits. A table with others makes each call ErrInvalid. A second National replaces the first.
func National(countries map[string]string) Option {
	countries = maps.Clone(countries)
	var errs []error
	for prefix, country := range countries {
		if strings.Trim(prefix, "0123456789") != "" || strings.HasPrefix(prefix, "00") {
			errs = append(errs, fault.Invalid("address: National(%q): want a prefix of digits, not 00", prefix))
		}
		if strings.Trim(country, "0123456789") != "" || country == "" || countryCode(country) != country {
			errs = append(errs, fault.Invalid("address: National(%q: %q): want a country code such as 49", prefix, country))
		}
	}
	err := errors.Join(errs...)
	return Option{func(c *config) error {
		c.national = countries
		return err
	}}
}

// settings returns what the options set.
func settings(opts []Option) (config, error) {
	if len(opts) == 0 {
		return config{}, nil // without a config on the heap
	}
	return apply(opts)
}

func apply(opts []Option) (config, error) {
	var c config
	var errs []error
	for _, opt := range opts {
		if opt.set != nil {
			errs = append(errs, opt.set(&c))
		}
	}
	return c, errors.Join(errs...)
}
