package server

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/api"
	"github.com/seed-3f7b73d1/onetime/onetimed/internal/config"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// developer is the caller of development.
const developer = "developer"

// develop sets what a server without a Redis needs and nobody set.
func (s *Server) develop(held *secrets) error {
	c := s.config
	if err := held.fill(c); err != nil {
		return err
	}
	if len(c.Services) == 0 {
		c.Services["login"] = &config.Service{Purpose: "login", Brand: onetimesend.Brand{Name: "Example"}}
		c.Services["login"].SendLimits = []onetime.Limit{{Burst: 100, Per: time.Hour}} // whoever tries things out tries them often
		if c.Inbox() {
			c.Services["login"].Channels = []onetimesend.Channel{onetimesend.ChannelMail, onetimesend.ChannelSMS}
		}
	}
	if len(c.Callers) == 0 {
		s.developerKey = NewCallerKey()
		c.Callers[developer] = &config.Caller{Scopes: []string{"start", "check", "secrets", "admin"}, Services: slices.Sorted(maps.Keys(c.Services))}
		held.callers[developer] = [][32]byte{api.KeyDigest(s.developerKey)}
	}
	if c.Inbox() {
		s.inbox = newInbox(onetimesend.Console(s.env.Out), c.DevListen != "")
		c.Queue.Delay = 0 // nobody is there to be kept from measuring
	}
	return nil
}

// NewCallerKey draws the key of a caller: 256 random bits.
func NewCallerKey() string { return base64.RawURLEncoding.EncodeToString(random()) }

func (s *Server) firstService() string {
	for _, name := range slices.Sorted(maps.Keys(s.config.Services)) {
		return name
	}
	return ""
}

// Banner says how the server runs, where that is for development.
func (s *Server) Banner() {
	if !s.config.Development() {
		return
	}
	w := s.env.Out
	fmt.Fprintln(w, "onetimed runs for DEVELOPMENT. Do not let people depend on it.")
	fmt.Fprintln(w, "  Redis:    embedded; all is forgotten when this ends. Set redis/url for a real one.")
	if s.config.Keys.Current.IsZero() {
		fmt.Fprintln(w, "  Keys:     random, for this run only. Set keys/naming and keys/current.")
	}
	if s.developerKey != "" {
		fmt.Fprintf(w, "  Caller:   %s may do everything, with the key %s\n", developer, s.developerKey)
	}
	if s.inbox != nil {
		fmt.Fprintf(w, "  Messages: here, and on %s/inbox\n", s.Origin())
	}
	if s.config.DevListen != "" {
		fmt.Fprintln(w, "  Reach:    any machine; only reserved test addresses, such as ann@example.com, are taken.")
	} else {
		fmt.Fprintln(w, "  Reach:    this machine only.")
	}
	if s.inbox != nil {
		fmt.Fprintf(w, "Try the commands on %s/\n", s.Origin())
	}
}
