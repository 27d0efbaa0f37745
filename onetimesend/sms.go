package onetimesend

import (
	"strings"
	"unicode/utf16"
)

// SMS returns the body of a text message. With a code, its last line is the AppHash, else binds the code to the Host.
func (m Message) SMS() string {
	s := m.speech()
	if m.Code == "" {
		subject := s.say("subject."+m.words(), "{service}", m.Brand.Name, "{action}", m.Action)
		return flat(s.say("sms.link", "{subject}", subject, "{url}", m.URL))
	}
	name := "sms.code"
	if m.Action != "" {
		name = "sms.action"
	}
	text := flat(s.say(name, "{code}", m.Code, "{service}", m.Brand.Name, "{action}", m.Action))
	switch {
	case m.AppHash != "":
		return text + "\n" + m.AppHash
	case m.Host != "":
		return text + "\n@" + m.Host + " #" + m.Code
	}
	return text
}

// Voice returns what a call says: the code twice, character by character, with a pause behind each.
func (m Message) Voice() string {
	s := m.speech()
	name := "voice.code"
	if m.Action != "" {
		name = "voice.action"
	}
	spelled := strings.Join(strings.Split(strings.ReplaceAll(m.Code, "-", ""), ""), ", ")
	return flat(s.say(name, "{code}", spelled, "{service}", m.Brand.Name, "{action}", m.Action))
}

// Characters of the GSM 7-bit default alphabet, and of its extension table, which take two places (3GPP TS 23.038, 6.2.1).
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtension = "\f^{}\\[~]|€"
)

// Segments returns how many SMS a text is sent and paid as: 160 characters of the GSM 7-bit alphabet fit one, in which
// ^ { } \ [ ~ ] | and € count two, or else 70 UTF-16 units; of a longer text 153 or 67 fit each.
func Segments(text string) int {
	places := make([]int, 0, len(text)) // what each character takes
	one, more := 160, 153
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsmBasic, r):
			places = append(places, 1)
		case strings.ContainsRune(gsmExtension, r):
			places = append(places, 2)
		default:
			return count(unicodePlaces(text), 70, 67)
		}
	}
	return count(places, one, more)
}

func unicodePlaces(text string) (places []int) {
	for _, r := range text {
		places = append(places, max(1, utf16.RuneLen(r)))
	}
	return places
}

// count fills segments. A character of two places is not cut.
func count(places []int, one, more int) int {
	total := 0
	for _, n := range places {
		total += n
	}
	if total <= one {
		return 1
	}
	segments, left := 1, more
	for _, n := range places {
		if n > left {
			segments, left = segments+1, more
		}
		left -= n
	}
	return segments
}

// LongSMS returns the languages, sorted, in which the SMS of a message takes more than one segment. Code, Host or AppHash,
// Action and the name of the Brand decide: call it at start-up with a code of the length that will be sent. Texts in GSM
// 7-bit characters change to 70 places as soon as the name has another character.
func (t *Texts) LongSMS(m Message) (languages []string) {
	m.Texts = t
	for _, language := range t.Languages() {
		m.Language = language
		if Segments(m.SMS()) > 1 {
			languages = append(languages, language)
		}
	}
	return languages
}
