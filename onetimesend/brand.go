package onetimesend

import (
	"errors"
	"math"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// A Brand is what people know a service by. Its zero value but for the Name is a plain brand.
type Brand struct {
	// Name is 1 to 100 bytes on one line. It stands in each message.
	Name string
	// Logo is the https URL of an image, shown 40 pixels high above a mail. A mail program that loads it tells its server
	// when and where the mail was opened. Empty: none, and the mail loads nothing.
	Logo string
	// Accent is the colour of the button, as #rrggbb. The text on it is white, at a contrast of at least 4.5 to 1
	// (WCAG 2.2, 1.4.3). Empty: #1a56b0.
	Accent string
	// Footer ends a mail, above the link: at most 500 bytes on at most five lines. An address, say.
	Footer string
}

const (
	defaultAccent = "#1a56b0"
	minContrast   = 4.5
	maxName       = 100
	maxFooter     = 500
	maxFooterRows = 5
)

var accentPattern = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

// Check reports all that is wrong with a brand; each error is [ErrInvalid].
func (b Brand) Check() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, invalid("Brand."+format, args...)) }
	if !oneLine(b.Name, 1, maxName) || strings.TrimSpace(b.Name) == "" {
		wrong("Name: want 1 to %d bytes on one line", maxName)
	}
	if b.Logo != "" {
		if u, err := url.Parse(b.Logo); err != nil || u.Scheme != "https" || u.Host == "" || len(b.Logo) > maxURL {
			wrong("Logo: want an https URL of at most %d bytes", maxURL)
		}
	}
	if b.Accent != "" {
		if !accentPattern.MatchString(b.Accent) {
			wrong("Accent(%q): want a colour such as %s", b.Accent, defaultAccent)
		} else if c := contrastWithWhite(b.Accent); c < minContrast {
			wrong("Accent(%s): its contrast with white is %.1f to 1: want at least %.1f", b.Accent, c, minContrast)
		}
	}
	rows := strings.Split(b.Footer, "\n")
	if len(b.Footer) > maxFooter || len(rows) > maxFooterRows {
		wrong("Footer: want at most %d bytes on at most %d lines", maxFooter, maxFooterRows)
	}
	for _, row := range rows {
		if !oneLine(row, 0, maxFooter) {
			wrong("Footer: want text without control characters")
			break
		}
	}
	return errors.Join(errs...)
}

// contrastWithWhite returns the contrast ratio of WCAG 2.2 for a colour written as #rrggbb.
func contrastWithWhite(colour string) float64 {
	part := func(at int) float64 {
		n, _ := strconv.ParseUint(colour[at:at+2], 16, 8)
		if c := float64(n) / 255; c <= 0.04045 {
			return c / 12.92
		} else {
			return math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return 1.05 / (0.2126*part(1) + 0.7152*part(3) + 0.0722*part(5) + 0.05)
}
