package onetimehttp

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime/address"
	"github.com/seed-3f7b73d1/onetime/onetimesend"
)

// A Message is what a Sender delivers.
type Message = onetimesend.Message

// message returns what all messages that a request leads to have in common. asked is from before the issue, so that no
// message outlives its secrets.
func (f *Flow) message(r *http.Request, asked time.Time) Message {
	return Message{
		Purpose: f.manager.Policy().Purpose, IssuedAt: asked, Browser: onetimesend.BrowserName(r.UserAgent()),
		Task: f.config.Task, Brand: f.messageBrand, Host: f.host,
		Language: preferred(r, f.speaks), Texts: f.messageTexts,
	}
}

// speaks reports whether there are texts for messages in a language.
func (f *Flow) speaks(language string) bool { return f.languages[language] }

// smsHost returns what binds the code of an SMS to the Origin. An address of IPv6 has no such form.
func smsHost(origin *url.URL) string {
	if strings.Contains(origin.Hostname(), ":") {
		return ""
	}
	return origin.Hostname()
}

// recipient returns who is reached by an address: a phone number by SMS, anything else by mail, in the spelling that is
// stored, since the host of the mail may tell spellings apart.
func recipient(stored string) onetimesend.Recipient {
	if found, err := address.Parse(stored); err == nil && found.Kind == address.KindPhone {
		return onetimesend.To(onetimesend.ChannelSMS, found.Value)
	}
	return onetimesend.To(onetimesend.ChannelMail, stored)
}
