package main

import (
	"fmt"
	"time"
)

const (
	noticeSubject  = "The address of your account at " + service
	requestSubject = "Confirm your new address for " + service
	takenSubject   = "You have an account at " + service
)

// notice is what the old address is told.
func notice(link string) string {
	return fmt.Sprintf(`Somebody, hopefully you, wants to change the address of your account at
%s: mail is to go to another address than this one.

If it was you, there is nothing to do.

If it was not, open this link within %d hours. This address stays the address
of your account, or becomes it again, and everybody is signed out:
%s
`, service, int(takeBack.Hours()), link)
}

// request is what the new address is asked.
func request(link string, expiresIn time.Duration) string {
	return fmt.Sprintf(`Somebody, hopefully you, wants to use this address for an account at
%s. To confirm it, open this link within %d minutes, where you are signed in:
%s

If it was not you, ignore this message: nothing happens.
`, service, int(expiresIn.Minutes()), link)
}

// takenText is what a new address is told that is not new.
const takenText = `Somebody wants to use this address for another account at ` + service + `. It
belongs to yours, so that nothing happens.

If it was you: an address can be that of one account only.
`
