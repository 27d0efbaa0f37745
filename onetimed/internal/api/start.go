package api

import (
	"context"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A kind is what is issued.
type kind string

const (
	kindCode  kind = "code"
	kindLink  kind = "link"
	kindBoth  kind = "both"
	kindToken kind = "token"
)

// Client is who asks, as the caller knows.
type Client struct {
	UserAgent string `json:"user_agent,omitempty" maxLength:"1024" doc:"The person's User-Agent. A mail says which browser asked, in a few fixed words; nothing of it is kept."`
	AppHash   string `json:"app_hash,omitempty" pattern:"^[A-Za-z0-9+/]{11}$" doc:"Ends an SMS, so that an Android app reads the code (SMS Retriever API)."`
}

// StartIn is the body of start.
type StartIn struct {
	Subject    string `json:"subject" minLength:"1" maxLength:"512" doc:"Who is to be proved: the id of an account, or an address. Spellings of one address are one subject. At most 512 bytes."`
	To         string `json:"to,omitempty" minLength:"1" maxLength:"320" doc:"Where the message goes: the address that is stored with the account, not what was typed. The subject, if absent."`
	Channel    string `json:"channel,omitempty" enum:"mail,sms,voice,webhook,none" doc:"How the message goes, one of the service's channels; the first of them if absent. none gives the secrets to the caller, which needs the scope secrets."`
	Kind       kind   `json:"kind,omitempty" enum:"code,link,both,token" doc:"code, if absent; a link; both, of which one use uses up both; or a token without a page, for the channel none only. Codes of both are left out while codes are locked."`
	Locale     string `json:"locale,omitempty" pattern:"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$" maxLength:"35" doc:"The person's language, as BCP 47 writes it: de, pt-BR."`
	Action     string `json:"action,omitempty" maxLength:"200" doc:"What is approved, such as \"transfer of 200 EUR to Ann\", in the person's language, at most 200 bytes on one line. Each message says it beside the code."`
	Payload    string `json:"payload,omitempty" maxLength:"4096" doc:"At most 4096 bytes that check gives back. They are sealed in Redis."`
	Binding    string `json:"binding,omitempty" minLength:"16" maxLength:"512" doc:"A secret of whoever asks, such as the value of their session, of at least 128 random bits: only who shows it again verifies. Where it is absent a code is bound to the id, and a link to nobody."`
	Request    string `json:"request,omitempty" minLength:"16" maxLength:"512" doc:"A random value of at least 128 bits, drawn for this start alone, for callers that keep it instead of the id: services/{service}/check takes the code with it and with the binding. One is drawn where it is absent."`
	Decoy      bool   `json:"decoy,omitempty" doc:"There is no such account: the answer is the same, nothing is sent and nothing verifies, so that nobody learns who has an account. With the channel none there are no secrets."`
	TTLSeconds int    `json:"ttl_seconds,omitempty" minimum:"10" maximum:"2592000" doc:"Makes it live shorter than the service says."`
	Client     Client `json:"client,omitzero" doc:"Who asks."`
}

// ResendIn is the body of resend.
type ResendIn struct {
	To      string `json:"to,omitempty" minLength:"1" maxLength:"320" doc:"Where the message goes, as of start. The subject, if absent."`
	Channel string `json:"channel,omitempty" enum:"mail,sms,voice,webhook,none" doc:"How the message goes; as before, if absent."`
	Action  string `json:"action,omitempty" maxLength:"200" doc:"What is approved, as of start. It is not kept from there."`
	Payload string `json:"payload,omitempty" maxLength:"4096" doc:"What check gives back. It is not kept from start."`
	Binding string `json:"binding,omitempty" minLength:"16" maxLength:"512" doc:"That of start, where it had one."`
	Client  Client `json:"client,omitzero" doc:"Who asks."`
}

// Delivery says what becomes of the message. It is the same for decoys, and says nothing of how the delivery went: whoever asks
// must not learn from it who has an account.
type Delivery struct {
	_       struct{} `additionalProperties:"true"`
	Channel string   `json:"channel" enum:"mail,sms,voice,webhook,none" doc:"How the message goes."`
	State   string   `json:"state" enum:"queued,none" doc:"queued: it goes out after this answer. none: the caller has the secrets."`
}

// StartOut is the answer to start and resend.
type StartOut struct {
	_             struct{} `additionalProperties:"true"`
	ID            string   `json:"id" maxLength:"4096" pattern:"^[A-Za-z0-9_-]+$" doc:"Names the verification for the calls of /v1/verifications. It is sealed and names nobody. Keep it in the person's session. Only callers of the service can use it."`
	ExpiresIn     int      `json:"expires_in" minimum:"0" doc:"How many seconds it is good for; of both, the link."`
	CodeExpiresIn int      `json:"code_expires_in,omitempty" minimum:"1" doc:"How many seconds the code is good for. Absent without a code."`
	ResendIn      int      `json:"resend_in" minimum:"0" doc:"In how many seconds it can be sent again."`
	Delivery      Delivery `json:"delivery" doc:"What becomes of the message."`
	Repeated      bool     `json:"repeated,omitempty" doc:"An earlier sending with the same Idempotency-Key made it and sent the message. There are no secrets."`
	Code          string   `json:"code,omitempty" maxLength:"12" doc:"The code; of the channel none."`
	URL           string   `json:"url,omitempty" maxLength:"2100" doc:"The link; of the channel none."`
	Token         string   `json:"token,omitempty" maxLength:"76" doc:"The token, also that of the link; of the channel none."`
}

// start issues.
func start(ctx context.Context, c *call, in StartIn) (StartOut, error) {
	g, err := c.group()
	if err != nil {
		return StartOut{}, err
	}
	v := verification{
		Service: c.service.Name, Subject: in.Subject, Kind: in.Kind, Channel: onetimesend.Channel(in.Channel), Locale: in.Locale,
		TTL: in.TTLSeconds, Decoy: in.Decoy, Bound: digestOf(in.Binding), Request: in.Request,
	}
	if v.Kind == "" {
		v.Kind = kindCode
	}
	if v.Channel == "" && len(c.service.Channels) > 0 {
		v.Channel = c.service.Channels[0]
	}
	binding := in.Binding
	if v.Bound == "" && v.Request == "" && v.Kind == kindCode {
		v.Binding = g.secret("binding")
		binding = v.Binding
	}
	if v.Request == "" {
		v.Request = g.secret("request")
	}
	return c.issueAndSend(ctx, v, ordered{g, binding, in.To, in.Payload, in.Action, in.Client})
}

// resend issues again, for the same person in the same place.
func resend(ctx context.Context, c *call, in ResendIn) (StartOut, error) {
	v, err := c.open()
	if err != nil {
		return StartOut{}, err
	}
	if c.over(v.Expires, resendGrace) {
		return StartOut{}, refuse("expired")
	}
	binding, err := v.bound(in.Binding)
	if err != nil {
		return StartOut{}, err
	}
	g, err := c.group()
	if err != nil {
		return StartOut{}, err
	}
	if in.Channel != "" {
		v.Channel = onetimesend.Channel(in.Channel)
	}
	v.Request = g.secret("request")
	return c.issueAndSend(ctx, v, ordered{g, binding, in.To, in.Payload, in.Action, in.Client})
}

// ordered is what start and resend are given beside what an id seals.
type ordered struct {
	group   group
	binding string
	to      string
	payload string
	action  string
	client  Client
}

func (c *call) issueAndSend(ctx context.Context, v verification, o ordered) (StartOut, error) {
	if o.to == "" {
		o.to = v.Subject
	}
	if err := c.checkOrder(v, o); err != nil {
		return StartOut{}, err
	}
	made, err := c.issueFor(ctx, v, o)
	if err != nil {
		return StartOut{}, err
	}
	now := c.snapshot.config.Clock()
	v.Issue, c.issue = made.id, made.id
	v.Expires = now.Add(made.expiresIn).UnixMilli()
	if made.codeExpiresIn > 0 {
		v.CodeExpires = now.Add(made.codeExpiresIn).UnixMilli()
	}
	out := StartOut{
		ID: c.snapshot.sealer.seal(useOfID, v), ExpiresIn: floorSeconds(made.expiresIn), CodeExpiresIn: floorSeconds(made.codeExpiresIn),
		ResendIn: ceilSeconds(made.resendIn), Repeated: made.repeated, Delivery: Delivery{Channel: string(v.Channel), State: "queued"},
	}
	c.sendFields(made.resendIn)
	if v.Channel == channelNone {
		out.Delivery.State = "none"
		out.Code, out.URL, out.Token = made.code, made.url, made.token
		return out, nil
	}
	if !made.repeated { // else the first sending has seen to the message
		s, m := c.service, c.service.message(v, o, made)
		c.after = append(c.after, func() { c.deliver(s, v, made, m, o.to) })
	}
	return out, nil
}

// checkOrder finds what is wrong before Redis is asked.
func (c *call) checkOrder(v verification, o ordered) error {
	s := c.service
	switch {
	case v.Channel == "":
		return invalid("#/channel", "the service has no channels: want none")
	case v.Channel == channelNone && !c.caller.scopes[ScopeSecrets]:
		return refuse("forbidden")
	case v.Channel != channelNone && !slices.Contains(s.Channels, v.Channel):
		return invalid("#/channel", "want a channel of the service")
	case v.Kind == kindToken && v.Channel != channelNone:
		return invalid("#/kind", "a token has no page that a message could name: want the channel none")
	case (v.Kind == kindLink || v.Kind == kindBoth) && !s.policy.Links:
		return invalid("#/kind", "the service has no link base: want code or token")
	case v.Kind == kindLink && v.Channel == onetimesend.ChannelVoice:
		return invalid("#/kind", "a call cannot say a link: want code or both")
	case len(o.payload) > 4096:
		return invalid("#/payload", "want at most 4096 bytes")
	case v.TTL > int(v.longest(s.policy)/time.Second):
		return invalid("#/ttl_seconds", "want no more than the service's own lifetime")
	}
	if v.Channel == channelNone {
		return nil
	}
	if err := (onetimesend.Address{Channel: v.Channel, Value: o.to}).Check(); err != nil {
		return invalid("#/to", "want an address of the channel")
	}
	m := s.message(v, o, issued{})
	if err := sample(m).Check(); err != nil {
		return invalid("#/action", "want at most 200 bytes on one line, without control characters")
	}
	return nil
}

// longest returns how long an issue lives by the policy.
func (v verification) longest(p onetime.Policy) time.Duration {
	if v.Kind == kindCode {
		return p.OTPTTL
	}
	return p.TokenTTL
}
