package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/api"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
	"github.com/seed-3f7b73d1/onetime/onetimesmtp"
)

// managers makes a Manager for each service. It reports all that is wrong.
func (s *Server) managers(held *secrets) (map[string]*onetime.Manager, error) {
	c := s.config
	opts := []onetime.Option{
		onetime.WithPrefix(c.Redis.Prefix), onetime.WithNamingKey(held.naming), onetime.WithPreviousKeys(held.previous...),
		onetime.WithObserver(s.metrics.event),
	}
	if c.Redis.Replicas > 0 {
		opts = append(opts, onetime.WithReplicaAck(c.Redis.Replicas, c.Redis.ReplicaTimeout))
	}
	if c.DevListen != "" {
		opts = append(opts, onetime.WithNormalizer(onlyReserved))
	}
	root, err := onetime.New(s.redis, held.current, opts...)
	if err != nil {
		return nil, fmt.Errorf("redis, keys: %w", err)
	}
	made := map[string]*onetime.Manager{}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		m, bad := root.Purpose(c.Services[name].Purpose, policy(c.Services[name])...)
		if bad != nil {
			err = errors.Join(err, fmt.Errorf("services/%s: %w", name, bad))
		}
		made[name] = m
	}
	return made, err
}

// policy returns the options of what a service sets; all else is as in the library.
func policy(c *config.Service) []onetime.Option {
	var opts []onetime.Option
	if c.LinkBase != "" {
		opts = append(opts, onetime.WithLinkBase(c.LinkBase))
	}
	if c.CodeLength != nil {
		opts = append(opts, onetime.WithCodeLength(*c.CodeLength))
	}
	if c.Alphabet != nil {
		opts = append(opts, onetime.WithAlphabet(*c.Alphabet))
	}
	if c.OTPTTL != nil {
		opts = append(opts, onetime.WithOTPTTL(*c.OTPTTL))
	}
	if c.TokenTTL != nil {
		opts = append(opts, onetime.WithTokenTTL(*c.TokenTTL))
	}
	if c.MaxAttempts != nil {
		opts = append(opts, onetime.WithMaxAttempts(*c.MaxAttempts))
	}
	if c.Keep != nil {
		opts = append(opts, onetime.WithKeep(*c.Keep))
	}
	if len(c.SendLimits) > 0 {
		opts = append(opts, onetime.WithSendLimits(c.SendLimits...))
	}
	if c.KnownFor > 0 {
		opts = append(opts, onetime.WithKnownBrowsers(c.KnownFor, nil, nil))
	}
	if len(c.GuessLimits) > 0 {
		opts = append(opts, onetime.WithGuessLimits(c.GuessLimits...))
	}
	return opts
}

// apiConfig is what the API goes by.
func (s *Server) apiConfig(held *secrets) (api.Config, error) {
	made, err := s.managers(held)
	if err != nil {
		return api.Config{}, err
	}
	c := s.config
	out := api.Config{
		SealKeys: append([][]byte{held.current}, held.previous...), NamingKey: held.naming,
		Timeout: c.Timeout, Logger: s.log, ObserveCall: s.metrics.call, ObserveDelivery: s.delivered,
	}
	if c.PublicURL != "" && len(held.signing) > 0 {
		out.Issuer, out.SigningKeys = c.PublicURL, held.signing
	}
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		set := c.Services[name]
		service := api.Service{
			Name: name, Manager: made[name], Channels: set.Channels, Queue: s.queue,
			Message: onetimesend.Message{
				Brand: set.Brand, Task: set.Task, CodeInSubject: set.CodeInSubject, Host: set.Host, Language: set.Language,
			},
		}
		if set.Audience != "" {
			service.AccessTokens = &api.AccessTokens{Audience: set.Audience, Lifetime: set.Lifetime}
		}
		out.Services = append(out.Services, service)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Callers)) {
		set := c.Callers[name]
		caller := api.Caller{Name: name, Keys: held.callers[name], Services: set.Services}
		for _, scope := range set.Scopes {
			caller.Scopes = append(caller.Scopes, api.Scope(scope))
		}
		out.Callers = append(out.Callers, caller)
	}
	return out, nil
}

// sender makes what messages go out by.
func (s *Server) sender(held *secrets) (onetimesend.Sender, error) {
	if s.inbox != nil {
		return s.inbox.send, nil
	}
	c := s.config
	ways := map[onetimesend.Channel]onetimesend.Sender{}
	var wrong error
	add := func(channel onetimesend.Channel, way onetimesend.Sender, err error) {
		if err != nil {
			wrong = errors.Join(wrong, fmt.Errorf("%s: %w", channel, err))
		}
		ways[channel] = way
	}
	if held.mailURL != "" {
		way, err := onetimesmtp.Sender(onetimesmtp.Config{URL: held.mailURL, From: c.Mail.From, Domain: c.Mail.Domain})
		add(onetimesend.ChannelMail, way, err)
	}
	if c.Webhook.URL != "" {
		way, err := onetimesend.Webhook(onetimesend.WebhookConfig{
			URL: c.Webhook.URL, Secrets: held.webhook, HTTP: onetimesend.HTTP{AllowNetworks: c.Webhook.AllowNetworks},
		})
		add(onetimesend.ChannelWebhook, way, err)
	}
	if c.SMS.URL != "" {
		way, err := s.sms(held)
		add(onetimesend.ChannelSMS, way, err)
	}
	if wrong != nil || len(ways) == 0 {
		return nothing, wrong
	}
	return onetimesend.ByChannel(ways), nil
}

// nothing is the Sender of a server without channels: all secrets are given to callers.
func nothing(context.Context, onetimesend.Recipient, onetimesend.Message) (onetimesend.Delivery, error) {
	return onetimesend.Delivery{}, onetimesend.Permanent(errors.New("no channel is set"))
}

func (s *Server) sms(held *secrets) (onetimesend.Sender, error) {
	c := s.config.SMS
	budget := onetimesend.BudgetConfig{Name: "sms", Prefix: s.config.Redis.Prefix, Allow: c.Allow, Deny: c.Deny}
	for _, cap := range c.Caps {
		budget.Caps = append(budget.Caps, onetimesend.Cap{Burst: int64(cap.Burst), Per: cap.Per})
	}
	b, err := onetimesend.NewBudget(s.redis, budget)
	if err != nil {
		return nil, err
	}
	return onetimesend.SMS(b, onetimesend.GatewayConfig{
		URL: c.URL, User: c.User, Password: held.smsPassword, From: c.From, Body: c.Body, ContentType: c.ContentType, HTTP: onetimesend.HTTP{AllowNetworks: c.AllowNetworks},
	})
}

// onlyReserved is the normaliser of a server that tests reach from other machines: of addresses it takes those that belong
// to nobody, and user ids as they are.
func onlyReserved(typed string) (string, error) {
	if !strings.Contains(typed, "@") && !strings.HasPrefix(typed, "+") {
		return typed, nil
	}
	known, err := address.Parse(typed)
	if err != nil {
		return "", err
	}
	if !reserved(known.Value) {
		return "", errNotReserved
	}
	return known.Value, nil
}

var errNotReserved = errors.New("dev_listen takes reserved test addresses only: @example.com, .test or +1 555 0100 to 0199")
