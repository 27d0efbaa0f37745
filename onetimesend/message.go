package onetimesend

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Task is what a secret is for. It chooses the words of a [Message].
type Task int

// The tasks that the texts know.
const (
	SignIn Task = iota
	VerifyAddress
	ResetPassword
	// Confirm is the proof that somebody who is signed in is still the same person.
	Confirm
)

// A Message is a secret and all that is said around it. Mail, SMS and voice are made from it, in the language that it names.
// Under fmt, slog and JSON it shows its Purpose and nothing else: its Code and URL must never be logged.
type Message struct {
	// ID is that of the issue. What receivers know a message by derives from it, so that they can drop one that comes twice,
	// and so does the end of the subject, so that two mails look different. Empty: neither.
	ID string
	// Purpose is that of the Manager. Nobody sees it but observers.
	Purpose string
	// Code is the code to type, 1 to 64 ASCII letters, digits and dashes; URL is the link to open, http or https, at most
	// 2,048 bytes. One of them may be empty.
	Code, URL string
	// CodeExpiresIn and ExpiresIn are how long the code and the link are good for, from IssuedAt on. Texts round them up, to
	// minutes, hours or days.
	CodeExpiresIn, ExpiresIn time.Duration
	// IssuedAt is when the secret was asked for. A mail shows it, with its zone. Where it is zero, a mail shows no time, and
	// the life of the message begins when it is sent.
	IssuedAt time.Time
	// Browser and Place say who asked, as [BrowserName] does, and a city, say. A mail shows what is not empty. Whatever comes
	// from a request can be chosen by an attacker: letters, digits, spaces and a few marks are shown, in at most 60 characters,
	// so that neither links nor lines can be added.
	Browser, Place string
	// Task chooses the words.
	Task Task
	// Action names what is approved, such as "transfer of 200 EUR to Ann", in at most 200 bytes on one line, and in the
	// language of the person. It stands beside the code in each message, whatever the Task.
	Action string
	// Brand is what people know the service by.
	Brand Brand
	// CodeInSubject puts the code into the subject of a mail. People find it without opening the mail; so does anyone who
	// sees the locked screen, and logs of mail servers that keep subjects.
	CodeInSubject bool
	// Host binds the code of an SMS to a site: the last line is "@example.com #123456" (WICG, Origin-bound one-time codes
	// delivered via SMS), and browsers offer the code there and nowhere else. Empty: no such line.
	Host string
	// AppHash ends an SMS instead, so that an Android app reads the code (SMS Retriever API): 11 characters of base64.
	AppHash string
	// Language is that of the texts, as BCP 47 writes it: "de", "pt-BR". The Locale of a [Recipient] goes before it.
	Language string
	// Texts are the texts; nil: those of this package, in English, German, French, Spanish and Arabic.
	Texts *Texts
}

// ErrInvalid is what errors.Is finds where a setting, an argument, a Message or an address is not one. The text names the
// limit, and holds no code and no address. From a [Sender] it is permanent.
var ErrInvalid = errors.New("onetimesend: invalid argument")

type invalidError string

func (e invalidError) Error() string        { return "onetimesend: " + string(e) }
func (e invalidError) Is(target error) bool { return target == ErrInvalid }

func invalid(format string, args ...any) error { return invalidError(fmt.Sprintf(format, args...)) }

const (
	maxAction = 200
	maxURL    = 2048
	maxAsked  = 60
)

var (
	codePattern    = regexp.MustCompile(`^[0-9A-Za-z-]{1,64}$`)
	hostPattern    = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	appHashPattern = regexp.MustCompile(`^[A-Za-z0-9+/]{11}$`)
)

// Check reports all that is wrong with a message; each error is [ErrInvalid]. Senders call it before anything leaves.
func (m Message) Check() error {
	errs := []error{m.Brand.Check()}
	wrong := func(format string, args ...any) { errs = append(errs, invalid("Message."+format, args...)) }
	if m.Code == "" && m.URL == "" {
		wrong("Code and URL: want one of them, or both")
	}
	if m.Code != "" && !codePattern.MatchString(m.Code) {
		wrong("Code: want 1 to 64 letters, digits and dashes")
	}
	if m.URL != "" {
		u, err := url.Parse(m.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(m.URL) > maxURL ||
			strings.ContainsFunc(m.URL, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`<>"\^{|}`+"`", r) }) {
			wrong("URL: want an http or https URL of printable ASCII, at most %d bytes", maxURL)
		}
	}
	if m.Code != "" && m.CodeExpiresIn <= 0 || m.URL != "" && m.ExpiresIn <= 0 {
		wrong("CodeExpiresIn and ExpiresIn: want more than 0 beside a Code and a URL")
	}
	if m.Task < SignIn || m.Task > Confirm {
		wrong("Task(%d): want SignIn, VerifyAddress, ResetPassword or Confirm", m.Task)
	}
	if !oneLine(m.Action, 0, maxAction) {
		wrong("Action: want at most %d bytes on one line", maxAction)
	}
	if m.Host != "" && !hostPattern.MatchString(m.Host) {
		wrong("Host: want a host name in lower case, its A-label")
	}
	if m.AppHash != "" && !appHashPattern.MatchString(m.AppHash) {
		wrong("AppHash: want 11 characters of base64")
	}
	return errors.Join(errs...)
}

// oneLine reports whether text has from least to most bytes, and no control or line-breaking character and nothing that
// turns the direction of what follows.
func oneLine(text string, least, most int) bool {
	return len(text) >= least && len(text) <= most && utf8.ValidString(text) && !strings.ContainsFunc(text, unseen)
}

// unseen reports whether r breaks a line or changes what is around it: control and format characters, but for the two
// joiners that Arabic, Persian and emoji are written with.
func unseen(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d'
}

// asked is what can be shown of Browser or Place: a dot or colon between letters could become a link.
func asked(text string) string {
	var shown []rune
	runes := []rune(strings.ToValidUTF8(text, ""))
	for i, r := range runes {
		digitsAround := i > 0 && i < len(runes)-1 && unicode.IsDigit(runes[i-1]) && unicode.IsDigit(runes[i+1])
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r) && !strings.ContainsRune(",()'’-", r) && !(r == '.' && digitsAround) {
			r = ' '
		}
		if r != ' ' || len(shown) > 0 && shown[len(shown)-1] != ' ' {
			shown = append(shown, r)
		}
	}
	return strings.TrimSpace(string(shown[:min(len(shown), maxAsked)]))
}

// words ends the names of the texts of the task.
func (m Message) words() string {
	if m.Action != "" {
		return "action"
	}
	return [...]string{"sign-in", "verify", "reset", "confirm"}[max(SignIn, min(m.Task, Confirm))]
}

// expires returns when the first of the secrets ends, counted from now if the message does not say when it was issued.
func (m Message) expires(now time.Time) time.Time {
	life := m.ExpiresIn
	if m.Code != "" && (m.URL == "" || m.CodeExpiresIn < life) {
		life = m.CodeExpiresIn
	}
	if !m.IssuedAt.IsZero() {
		now = m.IssuedAt
	}
	return now.Add(life)
}

// aged returns the message as it is to be sent now: good for what is left.
func (m Message) aged(now time.Time) Message {
	if !m.IssuedAt.IsZero() && now.After(m.IssuedAt) {
		age := now.Sub(m.IssuedAt)
		m.CodeExpiresIn -= age
		m.ExpiresIn -= age
	}
	return m
}

// to returns the message in the language of the recipient.
func (m Message) to(r Recipient) Message {
	m.Language = cmp.Or(r.Locale, m.Language)
	return m
}

// DeliveryID names the delivery of a message to an address: 26 characters, the same for each attempt, so that a receiver
// knows one that comes twice. It is empty where the message has no ID.
func (m Message) DeliveryID(to Address) string {
	if m.ID == "" {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "onetimesend delivery\x00%d %s%d %s%d %s", len(m.ID), m.ID, len(to.Channel), to.Channel, len(to.Value), to.Value))
	return "msg_" + base64.RawURLEncoding.EncodeToString(sum[:])[:22]
}

// Format prints the purpose only, under any verb but the misplaced %p and %w, which fmt does not ask about.
func (m Message) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "onetimesend.Message(%s)", m.Purpose) }

// MarshalText returns the purpose only; JSON and slog use it.
func (m Message) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "onetimesend.Message(%s)", m.Purpose), nil
}
