package main

import (
	"context"
	"fmt"
	"time"
)

const (
	onSubject       = "An authenticator app was set up for " + service
	offSubject      = "The authenticator app for " + service + " was turned off"
	codesSubject    = "New recovery codes for " + service
	recoverySubject = "A recovery code for " + service + " was used"
)

// tell writes to the owner, after the answer. Notices have no link: whoever did not do it may read the mail in a hurry.
func (a *app) tell(address, subject, text string) {
	a.chores.Later("tell the owner", time.Hour, func(ctx context.Context) error {
		return a.Mails.Write(ctx, address, subject, text)
	})
}

// at is the time of now, for notices.
func (a *app) at() string { return a.Now().UTC().Format("15:04 UTC on 2 January 2006") }

func turnedOn(at string) string {
	return `An authenticator app was set up for your account at ` + service + `
at ` + at + `. From now on its code is asked for at each sign-in.
Whoever was signed in on another device has to sign in again.
` + notYou
}

func turnedOff(at string) string {
	return `The authenticator app of your account at ` + service + ` was turned off
at ` + at + `, by a code of the app. Its recovery codes
no longer work.
` + notYou
}

func madeCodes(at string) string {
	return `New recovery codes for your account at ` + service + ` were made
at ` + at + `, by a code of the app. The old ones no longer work.
` + notYou
}

func recoveryUsed(at string, left int, lost bool) string {
	text := fmt.Sprintf(`Somebody signed in to your account at %s by a recovery code
at %s. Codes that are left: %d.
`, service, at, left)
	if lost {
		text += `
The phone was said to be lost: its app was removed, and whoever was signed
in has to sign in again.
`
	}
	return text + notYou
}

const notYou = `
If it was you, there is nothing to do. If it was not, somebody else reads your
mail: change the password of your mailbox first. Then ask us for help.
`
