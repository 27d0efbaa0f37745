package onetimehttp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Catalogue is the texts of the pages in one language by name; see English for the names. %s and %d stand where English has them.
type Catalogue map[string]string

// English returns the texts that are there by default.
func English() Catalogue { return maps.Clone(english) }

var english = Catalogue{
	"start.title":   "Sign in to %s",
	"start.address": "E-mail address or phone number",
	"start.submit":  "Send me a code or a link",

	"code.title":  "Enter your code",
	"code.sent":   "If this address has an account, a message is on its way. It is good for a few minutes.",
	"code.label":  "Code of %d characters",
	"code.digits": "Code of %d digits",
	"code.submit": "Sign in",
	"code.again":  "Send another one",
	"code.link":   "Or open the link in the message.",
	"already":     "A message was already sent. The next one can be sent in %s.",

	"sent.title": "Look into your messages",
	"sent.link":  "If this address has an account, a link is on its way. Open it in this browser.",

	"link.title":  "Sign in to %s",
	"link.for":    "This link signs you in as %s.",
	"link.submit": "Sign in",
	"link.other":  "You asked for it in another browser, or somebody else did. You are signing in here, on this device.",
	"link.here":   "Sign in on this device",
	"link.not":    "Not you, or did you not ask? Close this page: nothing happens.",

	"error.title": "That did not work",
	"error.back":  "Start again",
	"wait":        "Try again in %s.",
	"seconds":     "%d seconds",
	"minutes":     "%d minutes",
	"hours":       "%d hours",

	"error.refused":    "This code does not work. Look again, or ask for a new one.",
	"error.address":    "Check the address.",
	"error.too-long":   "This address is too long. An address has at most 254 characters.",
	"error.malformed":  "This is not a whole code or link. Look again.",
	"error.mismatch":   "This is not right. Look again.",
	"error.gone":       "This does not work any more. Ask for a new one.",
	"error.binding":    "Open the link in the browser you asked from, or ask for a new one.",
	"error.subject":    "This is for another account. Ask for a new one.",
	"error.throttled":  "You have asked too often. Wait a while.",
	"error.locked":     "Too many wrong codes. Wait a while, or use a link.",
	"error.disabled":   "Codes are switched off for you. Use a link, or ask us for help.",
	"error.denied":     "This does not work. Ask for a new one.",
	"error.undecided":  "We cannot tell right now. Try again; if that fails, ask for a new one.",
	"error.cross-site": "This came from another site.",
	"error.too-large":  "This is too long.",
	"error.media-type": "Send a form or JSON.",
	"error.form":       "This form cannot be read. In JSON, address, code and token are strings.",
	"error.no-cookie":  "This browser did not ask, or does not keep cookies. Ask for a new one.",
	"error.too-many":   "Too many requests from your network. Wait a while.",
	"error.method":     "This page cannot be reached in this way.",
	"error.not-done":   "That could not be done just now. Try again.",
	"error.lost":       "That could not be done just now. Ask for a new one.",
}

// text returns a text with args in it, the English one where there is none.
func (c Catalogue) text(name string, args ...any) string {
	text, ok := c[name]
	if !ok {
		text = english[name]
	}
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// wait says how long to wait, rounded up: who waits as long as told must not be too early. There is more than one of each
// unit, so that languages need no other word for one.
func (c Catalogue) wait(seconds int) string {
	switch {
	case seconds <= 120:
		return c.text("seconds", max(seconds, 2))
	case seconds <= 120*60:
		return c.text("minutes", (seconds+59)/60)
	}
	return c.text("hours", (seconds+3599)/3600)
}

// check reports texts that are missing, unknown, or without a place for what goes into them.
func (c Catalogue) check(language string) error {
	var wrong []string
	for name, text := range english {
		other, ok := c[name]
		if !ok || !slices.Equal(verbs(text), verbs(other)) {
			wrong = append(wrong, name)
		}
	}
	for name := range c {
		if _, known := english[name]; !known {
			wrong = append(wrong, name)
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("onetimehttp: WithTexts: %q: want every name of English, and its %%s and %%d in their order, in: %s", language, strings.Join(wrong, ", "))
	}
	return nil
}

func verbs(text string) (found []string) {
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '%' {
			found = append(found, text[i:i+2])
			i++
		}
	}
	return found
}
