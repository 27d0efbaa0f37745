package onetimesend

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"html/template"
	"strings"
)

//go:embed mail.html
var mailSource string

var mailTemplate = template.Must(template.New("mail").Parse(mailSource))

// refLetters are those of references: no vowels, so that no words come out, and no digits, so that none looks like a code.
const refLetters = "BCDFGHJKLMNPQRSTVWXZ"

// Reference names a message for people, in five letters that derive from its ID; the subject of its mail ends with them. It is
// empty where the message has no ID. Support finds a message by it; it is no secret, and not unique.
func (m Message) Reference() string {
	if m.ID == "" {
		return ""
	}
	sum := sha256.Sum256([]byte("onetimesend ref\x00" + m.ID))
	letters := make([]byte, 5)
	for i := range letters {
		letters[i] = refLetters[int(sum[i])%len(refLetters)]
	}
	return string(letters)
}

// Subject returns the subject line of a mail. It ends with five letters that derive from the ID, so that mail programs do
// not fold two mails into one conversation, or begins with the code if CodeInSubject is set.
func (m Message) Subject() string {
	s := m.speech()
	if m.CodeInSubject && m.Code != "" {
		return flat(s.say("subject.code", "{code}", m.Code, "{service}", m.Brand.Name))
	}
	subject := flat(s.say("subject."+m.words(), "{service}", m.Brand.Name, "{action}", m.Action))
	if ref := m.Reference(); ref != "" {
		return s.say("subject.ref", "{subject}", subject, "{ref}", ref)
	}
	return subject
}

// flat makes one line of a text, whatever was put into it.
func flat(text string) string {
	return strings.Map(func(r rune) rune {
		if unseen(r) {
			return ' '
		}
		return r
	}, text)
}

// maxLargeCode is how many characters of a code fit one line of the smallest phones, 320 pixels wide, at 36 pixels.
const maxLargeCode = 10

// A mail is the parts of a mail, in the order in which they are shown. What is empty is left out.
type mail struct {
	Preheader                  string
	CodeLabel, Code, CodeLife  string
	LinkLabel, Button, URLHint string
	URL                        string
	Asked                      []string
	Ignore                     string
	Footer                     []string
}

// parts says everything that a mail says. put prepares what is put into the texts, approved the Action.
func (m Message) parts(s speech, put, approved func(string) string) mail {
	words := m.words()
	service, action := put(m.Brand.Name), approved(m.Action)
	parts := mail{Code: m.Code, URL: m.URL, Ignore: s.say("ignore."+words, "{service}", service)}
	if m.Code != "" {
		life := s.duration(m.CodeExpiresIn)
		parts.CodeLabel = s.say("code."+words, "{service}", service, "{action}", action)
		parts.CodeLife = s.say("code.life", "{service}", service, "{duration}", life)
		parts.Preheader = s.say("preheader", "{duration}", life)
	}
	if m.URL != "" {
		name, life := "link.or", s.duration(m.ExpiresIn)
		if m.Code == "" {
			name = "link." + words
			parts.Preheader = s.say("preheader", "{duration}", life)
		}
		parts.LinkLabel = s.say(name, "{service}", service, "{action}", action, "{duration}", life)
		parts.Button = s.raw("button." + words)
		parts.URLHint = s.raw("link.raw")
	}
	for _, row := range [][2]string{{"asked.time", m.time()}, {"asked.browser", asked(m.Browser)}, {"asked.place", asked(m.Place)}} {
		if row[1] != "" {
			parts.Asked = append(parts.Asked, s.say(row[0], "{value}", put(row[1])))
		}
	}
	if m.Brand.Footer != "" {
		parts.Footer = strings.Split(m.Brand.Footer, "\n")
	}
	return parts
}

// time says when the secret was asked for, in a form that no language reads in two ways.
func (m Message) time() string {
	if m.IssuedAt.IsZero() {
		return ""
	}
	return m.IssuedAt.Format("2006-01-02 15:04 MST")
}

// Text returns the body of a mail as plain text. Code and URL each stand alone on their line, the URL on the last.
func (m Message) Text() string {
	as := func(text string) string { return text }
	p := m.parts(m.speech(), as, as)
	var blocks []string
	add := func(rows ...string) {
		if block := strings.Join(rows, "\n"); strings.Trim(block, "\n") != "" {
			blocks = append(blocks, block)
		}
	}
	add(p.CodeLabel)
	add(p.Code)
	add(p.CodeLife)
	add(p.Asked...)
	add(p.Ignore)
	add(p.Footer...)
	add(p.LinkLabel)
	add(p.URL)
	return strings.Join(blocks, "\n\n") + "\n"
}

// HTML returns the body of a mail as HTML. It loads nothing but the logo of the Brand, and runs nothing.
func (m Message) HTML() (string, error) {
	s := m.speech()
	s.escape = template.HTMLEscapeString
	// What is put into a text keeps its own direction: a Latin name within Arabic.
	isolated := func(text string) string { return "<bdi>" + template.HTMLEscapeString(text) + "</bdi>" }
	p := m.parts(s, isolated, func(text string) string { return "<strong>" + isolated(text) + "</strong>" })
	marked := func(text string) template.HTML { return template.HTML(text) } // escaped by s and by put
	page := mailPage{
		Language: s.language, Direction: "ltr", Align: "left", Subject: m.Subject(), Brand: m.Brand, Code: p.Code, URL: p.URL, Footer: p.Footer,
		Preheader: marked(p.Preheader), CodeLabel: marked(p.CodeLabel), CodeLife: marked(p.CodeLife), LinkLabel: marked(p.LinkLabel),
		Button: marked(p.Button), URLHint: marked(p.URLHint), Ignore: marked(p.Ignore), Accent: defaultAccent,
	}
	for _, row := range p.Asked {
		page.Asked = append(page.Asked, marked(row))
	}
	page.LongCode = len(m.Code) > maxLargeCode
	if s.rightToLeft() {
		page.Direction, page.Align = "rtl", "right"
	}
	if accentPattern.MatchString(m.Brand.Accent) {
		page.Accent = template.CSS(m.Brand.Accent)
	}
	var body bytes.Buffer
	err := mailTemplate.Execute(&body, page)
	return body.String(), err
}

// A mailPage is what mail.html shows.
type mailPage struct {
	Language, Direction, Align, Subject               string
	Brand                                             Brand
	Code, URL                                         string
	Footer                                            []string
	Preheader, CodeLabel, CodeLife, LinkLabel, Button template.HTML
	URLHint, Ignore                                   template.HTML
	Asked                                             []template.HTML
	Accent                                            template.CSS
	LongCode                                          bool
}
