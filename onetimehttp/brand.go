package onetimehttp

import (
	"cmp"
	"errors"
	"fmt"
	"html/template"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-3f7b73d1/onetime/internal/host"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// Colours of pages/style.css that an accent is seen against.
const (
	lightCard, lightNote = "#ffffff", "#eaf1fb"
	darkCard, darkNote   = "#1d2025", "#232f44"
	white, ink           = "#ffffff", "#14171b"
)

const (
	minContrast  = 4.5      // WCAG 2.2, 1.4.3
	maxDataLogo  = 32 << 10 // bytes: each page carries it
	maxStyleSize = 32 << 10 // bytes: as for a logo
)

var (
	dataLogo  = regexp.MustCompile(`^data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}$`)
	plainHost = regexp.MustCompile(`^[a-z0-9.-]+(:[0-9]{1,5})?$`)
)

// WithBrand sets the logo, the accent and the footer of pages and messages. The Name may be empty: it is Config.Name, and New
// takes no other.
//
// The Logo is an https URL, whose origin pages may then load images of and whose server learns when a page or mail was opened, or
// "data:image/png;base64,…" (or jpeg, gif, webp, svg+xml) of at most 32 KiB. A "data:" logo is shown on pages only: many mail
// programs show none.
//
// The Accent is the colour of buttons and links, as #rrggbb, with a contrast of at least 4.5 to 1 (WCAG 2.2, 1.4.3) with white.
// Where dark is preferred it is lightened until it has that on the dark page. It stands in the style sheet, never in a style
// attribute, which the Content-Security-Policy forbids.
func WithBrand(brand onetimesend.Brand) Option {
	return Option{func(s *options) error { s.brand = brand; return nil }}
}

// WithStyle adds rules to the end of the style sheet of pages, at most 32 KiB; the hash of the whole is what the
// Content-Security-Policy allows. Custom properties such as --card are set in :root, and under prefers-color-scheme: dark
// again. Whatever it would load is not loaded.
func WithStyle(css template.CSS) Option {
	return Option{func(s *options) error {
		if len(css) > maxStyleSize || strings.Contains(string(css), "</") || strings.Contains(string(css), "<!--") || strings.ContainsAny(string(css), "\x00\r") {
			return errors.New(`onetimehttp: WithStyle: want at most 32 KiB without "</", "<!--", NUL and carriage returns`)
		}
		s.css = css
		return nil
	}}
}

// WithFormTargets names other origins that a form may lead to: where OnVerified redirects to an app of another origin. Some
// browsers stop a redirect that follows a POST to any origin that the Content-Security-Policy does not name. Each is as in WithOrigins.
func WithFormTargets(origins ...string) Option {
	origins = slices.Clone(origins)
	return Option{func(s *options) error {
		var errs []error
		for _, origin := range origins {
			u, err := url.Parse(origin)
			if err != nil || origin != u.Scheme+"://"+u.Host || !plainHost.MatchString(u.Host) ||
				u.Scheme != "https" && (u.Scheme != "http" || !host.Loopback(u.Hostname())) {
				errs = append(errs, fmt.Errorf("onetimehttp: WithFormTargets(%q): want a scheme and a host, such as https://app.example.com; http on localhost", origin))
			}
		}
		s.formTargets = append(s.formTargets, origins...)
		return errors.Join(errs...)
	}}
}

// useBrand checks the brand, and says in the Flow what pages and messages have of it.
func (f *Flow) useBrand() error {
	b, errs := f.brand, []error(nil)
	if b.Name != "" && b.Name != f.config.Name {
		errs = append(errs, errors.New("onetimehttp: WithBrand: Name: want none, or Config.Name"))
	}
	b.Name = cmp.Or(f.config.Name, "a") // Config.Name has its own error
	if (onetimesend.Brand{Name: b.Name}).Check() != nil {
		b.Name = "a"
	}
	f.logo, f.logoSource = template.URL(b.Logo), ""
	if strings.HasPrefix(b.Logo, "data:") {
		if len(b.Logo) > maxDataLogo || !dataLogo.MatchString(b.Logo) {
			errs = append(errs, errors.New("onetimehttp: WithBrand: Logo: want a data: URL of an image in base64 of at most 32 KiB"))
		}
		f.logoSource, b.Logo = "data:", ""
	}
	if err := b.Check(); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			errs = append(errs, fmt.Errorf("onetimehttp: WithBrand: %s", line))
		}
		return errors.Join(errs...)
	}
	if b.Logo != "" {
		u, err := url.Parse(b.Logo)
		if err != nil || !plainHost.MatchString(u.Host) {
			errs = append(errs, errors.New("onetimehttp: WithBrand: Logo: want a host in lower case and in its ASCII form"))
		} else {
			f.logoSource = "https://" + u.Host
		}
	}
	if b.Footer != "" {
		f.footer = strings.Split(b.Footer, "\n")
	}
	f.messageBrand = b
	f.messageBrand.Name = f.config.Name
	return errors.Join(errs...)
}

// readStyle makes the style sheet of pages.
func (f *Flow) readStyle() error {
	style, _ := files.ReadFile("pages/style.css") // embedded, so it is there
	f.style = template.CSS(style)
	if f.brand.Accent != "" && f.messageBrand.Accent != "" { // else it is no colour
		rules, err := accentRules(f.brand.Accent)
		if err != nil {
			return err
		}
		f.style += template.CSS(rules)
	}
	f.style += f.css
	return nil
}

// accentRules are the rules of an accent in light and dark. Each colour has the contrast that text needs with what it is seen on.
func accentRules(accent string) (string, error) {
	light := []string{accent, mixed(accent, "#000000", 0.25), white}
	lift := 0.0
	for lift < 1 && contrast(mixed(accent, white, lift), darkCard) < minContrast+1 { // what is hovered over lies on a lighter ground
		lift += 0.05
	}
	dark := []string{mixed(accent, white, lift), mixed(accent, white, (1+lift)/2), ink}
	for _, pair := range [][2]string{
		{light[0], lightCard}, {light[0], light[2]}, {light[1], lightNote}, {light[1], light[2]},
		{dark[0], darkCard}, {dark[0], dark[2]}, {dark[1], darkNote}, {dark[1], dark[2]},
	} {
		if c := contrast(pair[0], pair[1]); c < minContrast {
			return "", fmt.Errorf("onetimehttp: WithBrand: Accent(%s): the contrast of %s with %s is %.1f to 1: want at least %.1f", accent, pair[0], pair[1], c, minContrast)
		}
	}
	rule := func(colours []string) string {
		return fmt.Sprintf(":root { --accent: %s; --pressed: %s; --on-accent: %s; }", colours[0], colours[1], colours[2])
	}
	return rule(light) + "\n@media (prefers-color-scheme: dark) {\n  " + rule(dark) + "\n}\n", nil
}

// part is the red, green or blue of a colour, as its place in #rrggbb says.
func part(colour string, at int) float64 {
	n, _ := strconv.ParseUint(colour[at:at+2], 16, 8)
	return float64(n)
}

// mixed is a colour with so much of another in it, 0 to 1.
func mixed(colour, other string, share float64) string {
	mix := func(at int) int { return int(math.Round(part(colour, at)*(1-share) + part(other, at)*share)) }
	return fmt.Sprintf("#%02x%02x%02x", mix(1), mix(3), mix(5))
}

// contrast is the contrast ratio of two colours (WCAG 2.2).
func contrast(a, b string) float64 {
	luminance := func(colour string) float64 {
		linear := func(at int) float64 {
			c := part(colour, at) / 255
			if c <= 0.04045 {
				return c / 12.92
			}
			return math.Pow((c+0.055)/1.055, 2.4)
		}
		return 0.2126*linear(1) + 0.7152*linear(3) + 0.0722*linear(5)
	}
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}
