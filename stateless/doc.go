/*
Package stateless makes codes and links that are verified by their key alone, without a database.

	m, err := stateless.New(key)                               // key: 32 random bytes
	link, err := m.Link("https://example.com/confirm", "newsletter", "alice@example.com", 48*time.Hour)
	proof, err := m.OpenLink("newsletter", r.URL.Query().Get("token")) // nil: proof.Subject is proved

It is for what may be done twice: a newsletter that is confirmed again is confirmed. For signing in use package onetime.

# What is lost without a database

	                      onetime                     stateless
	used once             yes                         no: as often as anyone likes until it expires, unless you keep Proof.ID
	limits on sends       yes                         no: yours to build, or strangers flood an inbox
	wrong codes           counted and locked          not needed for 65 bits; digits need a Guard
	a newer one replaces  yes                         no: all that were made live until they expire
	revoked, cancelled    yes                         no, but for all at once, by another key
	ends                  to the millisecond          codes with a window of time: 5 to 10 min after they were made
	what is known of it   Status, Events              nothing

Whoever has a table makes a use the only one: insert [Proof.ID] under a UNIQUE key before acting on the proof, and keep the
row until [Proof.Until].

# Why digits need a guard

A code of 13 characters has 65 bits: at 1,000 guesses a second a year finds one with a chance of 1 in 580 million. Six digits
without a guard fall to whoever has a handle. Of one code, that lives 10 minutes at most:

	guesses a second    found within its 10 minutes    found with a chance of one half, over codes in a row
	10                  0.6 %                          19 hours
	1,000               60 %                           8 minutes

So [New] refuses [WithDigits] without a [Guard].

# Codes are of a window of time

Time is cut into windows of 5 minutes, and the code of a purpose, subject and binding is the same throughout a window. It
verifies in its window and the next one. A code of a future window is refused, but for 10 s, by which the clocks of servers may
differ: the longer ahead a code verifies, the longer is the time to guess it and to use one that leaked. There are no codes of 4
or 5 digits either: their 10,000 or 100,000 are found by chance too soon for any limit to hold that people can live with.

A clock that is set back brings codes back that had expired. The Guard of [NewGuard] refuses those all the same.
*/
package stateless
