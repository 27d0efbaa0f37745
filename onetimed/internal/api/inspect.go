package api

import (
	"context"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

// InspectIn is the body of inspect.
type InspectIn struct {
	Service       string `json:"service" minLength:"1" maxLength:"64" doc:"The service that the token is of."`
	Token         string `json:"token" minLength:"1" maxLength:"512" doc:"The token, as it stands in the link's parameter token."`
	Binding       string `json:"binding,omitempty" minLength:"16" maxLength:"512" doc:"That of start, where it had one."`
	IgnoreBinding bool   `json:"ignore_binding,omitempty" doc:"Looks at a bound token without its binding."`
}

// InspectOut is what a token is about. It proves nothing.
type InspectOut struct {
	_             struct{}  `additionalProperties:"true"`
	Subject       string    `json:"subject" maxLength:"512" doc:"Who would be proved."`
	Purpose       string    `json:"purpose" maxLength:"64" doc:"The purpose of the service."`
	Payload       string    `json:"payload,omitempty" doc:"What start was given; absent if nothing."`
	PayloadBase64 string    `json:"payload_base64,omitempty" encoding:"base64" doc:"The same in base64, in place of payload, where it is not text."`
	IssuedAt      time.Time `json:"issued_at" doc:"When it was issued, by the clock of Redis."`
}

// inspect looks at a token and uses nothing up: for the GET of a link, which mail scanners send, too.
func inspect(ctx context.Context, c *call, in InspectIn) (InspectOut, error) {
	if err := c.enter(in.Service); err != nil {
		return InspectOut{}, err
	}
	if in.IgnoreBinding && in.Binding != "" {
		return InspectOut{}, invalid("#/ignore_binding", "want either it or binding")
	}
	var opts []onetime.VerifyOption
	if in.IgnoreBinding {
		opts = append(opts, onetime.IgnoreBinding())
	}
	if in.Binding != "" {
		opts = append(opts, onetime.WithBinding(in.Binding))
	}
	v, err := c.service.Manager.InspectToken(ctx, in.Token, opts...)
	if err != nil {
		return InspectOut{}, err
	}
	c.issue = v.ID
	out := InspectOut{Subject: v.Subject, Purpose: v.Purpose, IssuedAt: v.IssuedAt.UTC()}
	out.Payload, out.PayloadBase64 = payload(v.Payload)
	return out, nil
}
