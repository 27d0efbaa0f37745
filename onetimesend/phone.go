package onetimesend

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// A GatewayConfig is how [SMS] or [Voice] ask a gateway, by one POST for each message. As it stands, but for URL, User,
// Password and From, the request is that of Twilio's API. Another Body makes it that of another gateway.
type GatewayConfig struct {
	// URL is where requests go, https; of Twilio https://api.twilio.com/2010-04-01/Accounts/AC.../Messages.json for SMS and
	// .../Calls.json for voice. It is never printed.
	URL string
	// User and Password are for HTTP Basic authentication; both empty: none.
	User, Password string
	// Header is added to each request, such as an Authorization. It is never printed.
	Header http.Header
	// From is the number or name that messages come from.
	From string
	// ContentType is that of Body: application/x-www-form-urlencoded, the default, or application/json.
	ContentType string
	// Body is the request. In it {to} is the number in E.164 form, {number} the same without its +, {from} the From, {text}
	// what is said, {twiml} the same as TwiML, {language} its language and {id} what the receiver can drop doubles by, each
	// escaped for the ContentType; in JSON they stand within quotes. Empty: that of Twilio.
	Body string
	// IDMember is the member of the JSON answer that names the message: "sid" by default.
	IDMember string
	// Locales say by the language of the texts which locale {twiml} is spoken in. By default ar is ar-XA, de de-DE, en en-US,
	// es es-ES and fr fr-FR; any other is written as it is, pt-br as pt-BR.
	Locales map[string]string
	// OneSegment is a message as the service sends it: with the name of its Brand, its Host or AppHash, its Texts, and any code
	// of the length that codes have. With it SMS reports the languages in which such a message takes more than one segment, and
	// would cost as many times as much. It is for SMS alone; nil: nothing is reported.
	OneSegment *Message
	// HTTP is how requests leave.
	HTTP HTTP
	// DangerouslyWithoutBudget lets SMS and Voice do without a Budget: anyone who can make the service send can make it pay for
	// as many messages as its other limits let pass, to the most expensive numbers there are.
	DangerouslyWithoutBudget bool
}

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"

	smsBody   = "To={to}&From={from}&Body={text}"
	voiceBody = "To={to}&From={from}&Twiml={twiml}"
)

// SMS returns a Sender of text messages. It demands a [Budget] with an allow list, which is asked before each message: one of
// two segments counts two. It reports all that is wrong; each error is [ErrInvalid].
func SMS(budget *Budget, c GatewayConfig) (Sender, error) {
	return phone(ChannelSMS, budget, c, smsBody, Message.SMS)
}

// Voice returns a Sender of calls, which say the code twice. It demands a [Budget] with an allow list, which is asked before
// each call. A message without a code cannot be said, and is permanent. It reports all that is wrong; each error is
// [ErrInvalid].
func Voice(budget *Budget, c GatewayConfig) (Sender, error) {
	return phone(ChannelVoice, budget, c, voiceBody, Message.Voice)
}

func phone(channel Channel, budget *Budget, c GatewayConfig, body string, say func(Message) string) (Sender, error) {
	c.ContentType, c.IDMember, c.Body = cmp.Or(c.ContentType, formType), cmp.Or(c.IDMember, "sid"), cmp.Or(c.Body, body)
	c.Header, c.Locales = c.Header.Clone(), maps.Clone(c.Locales)
	if c.Header == nil {
		c.Header = http.Header{}
	}
	c.Header.Set("Content-Type", c.ContentType)
	if c.User != "" || c.Password != "" {
		r := http.Request{Header: c.Header}
		r.SetBasicAuth(c.User, c.Password)
	}
	g, err := c.HTTP.gateway("GatewayConfig.URL", c.URL)
	errs := []error{err, c.check(), c.checkLength(channel)}
	if !c.DangerouslyWithoutBudget && (budget == nil || len(budget.config.Allow) == 0) {
		errs = append(errs, invalid("%s: want a Budget whose Allow names the prefixes of the numbers that are sent to, such as +49", channel))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	send := func(ctx context.Context, to Recipient, m Message) (Delivery, error) {
		address, m, err := Prepare(channel, to, m)
		if err != nil {
			return Delivery{}, err
		}
		if channel == ChannelVoice && m.Code == "" {
			return Delivery{}, Permanent(errors.New("onetimesend: voice: a link cannot be said"))
		}
		answer, err := g.post(ctx, string(channel), c.Header.Clone(), c.fill(address, m, say(m)))
		if err != nil {
			return Delivery{}, err
		}
		return Delivery{Channel: channel, ID: member(answer, c.IDMember)}, nil
	}
	if budget == nil {
		return send, nil
	}
	return budget.Guard(channel, send), nil
}

func (c GatewayConfig) check() error {
	kind, _, err := mime.ParseMediaType(c.ContentType)
	switch {
	case err != nil || kind != formType && kind != jsonType:
		return invalid("GatewayConfig.ContentType: want %s or %s", formType, jsonType)
	case !strings.Contains(c.Body, "{to}") && !strings.Contains(c.Body, "{number}") || !strings.Contains(c.Body, "{text}") && !strings.Contains(c.Body, "{twiml}"):
		return invalid("GatewayConfig.Body: want {to} or {number}, and {text} or {twiml}")
	case kind == jsonType && !json.Valid(c.fill(Address{}, Message{}, `"`)):
		return invalid("GatewayConfig.Body: want JSON, with what stands in braces within quotes")
	}
	return nil
}

func (c GatewayConfig) checkLength(channel Channel) error {
	switch {
	case c.OneSegment == nil:
	case channel != ChannelSMS:
		return invalid("GatewayConfig.OneSegment: a call has no segments")
	default:
		if long := c.OneSegment.Texts.LongSMS(*c.OneSegment); len(long) > 0 {
			return invalid("GatewayConfig.OneSegment: more than one segment in %s: want a shorter name or host, or shorter texts",
				strings.Join(long, ", "))
		}
	}
	return nil
}

// fill makes the body of a request.
func (c GatewayConfig) fill(to Address, m Message, text string) []byte {
	escape := url.QueryEscape
	if kind, _, _ := mime.ParseMediaType(c.ContentType); kind == jsonType {
		escape = func(text string) string {
			quoted, _ := json.Marshal(text) // a string
			return string(quoted[1 : len(quoted)-1])
		}
	}
	language := m.speech().language
	twiml := bytes.NewBufferString(`<Response><Say language="`)
	xml.EscapeText(twiml, []byte(c.locale(language)))
	twiml.WriteString(`">`)
	xml.EscapeText(twiml, []byte(text)) // a buffer takes all
	twiml.WriteString("</Say></Response>")
	return []byte(strings.NewReplacer(
		"{to}", escape(to.Value), "{number}", escape(strings.TrimPrefix(to.Value, "+")), "{from}", escape(c.From), "{text}", escape(text),
		"{twiml}", escape(twiml.String()), "{language}", escape(language), "{id}", escape(m.DeliveryID(to)),
	).Replace(c.Body))
}

var spoken = map[string]string{"ar": "ar-XA", "de": "de-DE", "en": "en-US", "es": "es-ES", "fr": "fr-FR"}

// locale is how TwiML names a language: with a region in capitals.
func (c GatewayConfig) locale(language string) string {
	if locale := cmp.Or(c.Locales[language], spoken[language]); locale != "" {
		return locale
	}
	if base, region, found := cutLast(language, "-"); found && len(region) == 2 {
		return base + "-" + strings.ToUpper(region)
	}
	return language
}

// member is a member of a JSON object, a string or a number of at most 100 bytes, or empty.
func member(answer []byte, name string) string {
	var object map[string]any
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber()
	if decoder.Decode(&object) != nil {
		return ""
	}
	text := ""
	switch value := object[name].(type) {
	case string:
		text = value
	case json.Number:
		text = value.String()
	}
	if !oneLine(text, 0, 100) {
		return ""
	}
	return text
}
