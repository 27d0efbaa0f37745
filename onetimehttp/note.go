package onetimehttp

import (
	"net/http"
	"slices"
	"time"
)

// A note is what the answer to a POST has to say, kept for the page that the browser is led to.
type note struct {
	text  string // its name in the catalogue; "" for nothing
	left  int    // attempts, of a wrong code
	until int64  // when waiting is over; 0: waiting does not help
	words string // of a Refusal
	page  byte   // which page it is for, of those that share the cookie of slot 0
}

// Pages that have notes in slot 0.
const (
	onStart byte = 's'
	onLink  byte = 'l'
)

// noteTexts are the texts that a note can name, by number. New ones are added at the end.
var noteTexts = []string{
	"", "error.address", "error.too-long", "error.malformed", "error.mismatch", "error.exhausted", "error.gone", "error.used", "error.expired",
	"error.replaced", "error.binding", "error.subject", "error.throttled", "error.locked", "error.disabled", "error.denied", "error.undecided",
	"error.no-cookie", "error.too-many", "error.not-done", "error.lost", "error.check", wrongCode, wrongCodeNewest, "again", "already",
}

// append adds the note in its binary form.
func (n note) append(to []byte) []byte {
	to = append(to, byte(max(0, slices.Index(noteTexts, n.text))), byte(min(n.left, 255)), n.page)
	for _, shift := range []int{24, 16, 8, 0} {
		to = append(to, byte(n.until>>shift))
	}
	return appendText(to, n.words)
}

func readNote(r *reader) note {
	head := r.take(3)
	n := note{left: int(head[1]), page: head[2], until: r.time()}
	if int(head[0]) < len(noteTexts) {
		n.text = noteTexts[head[0]]
	}
	n.words = r.text()
	return n
}

// note returns what is to be told on the next page.
func (t told) note(now time.Time) note {
	n := note{text: t.text, left: t.left, words: cut(t.words, maxTyped)}
	if t.wait > 0 {
		n.until = now.Unix() + int64(seconds(t.wait))
	}
	return n
}

// told returns what note made a note of. Waiting that is over needs not be told.
func (n note) told(now time.Time) told {
	t := tellText(n.text)
	t.left, t.words = n.left, n.words
	if n.until > 0 {
		t.wait = max(0, time.Unix(n.until, 0).Sub(now))
	}
	return t
}

// over reports whether a note that told somebody to wait has had its time.
func (n note) over(now time.Time) bool {
	return n.until > 0 && now.Unix() >= n.until && tellText(n.text).status == http.StatusTooManyRequests
}

// cut returns at most so many bytes of a text, of whole characters.
func cut(text string, most int) string {
	for len(text) > most {
		runes := []rune(text[:most+1])
		text = string(runes[:len(runes)-1])
	}
	return text
}
