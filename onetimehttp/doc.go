/*
Package onetimehttp is handlers of net/http for sign-in by code and link: a form for the address, one for the code, and
the page that a link leads to. Messages are those of package onetimesend, addresses those of package address. It depends on
the standard library and onetime only.

	flow, err := onetimehttp.New(manager, onetimehttp.Config{
		Origin: "https://example.com", Name: "Example",
		Lookup: lookup, Sender: send, OnVerified: startSession, Limiter: starts.Limit, VerifyLimiter: tries.Limit,
	})
	mux.Handle("/sign-in", flow.Start())
	mux.Handle("/sign-in/code", flow.Verify())
	mux.Handle("/sign-in/link", flow.Link())

Each handler speaks HTML, with pages that load nothing and need no script, though one small script helps, and JSON. Errors in JSON are RFC 9457 problem
details; docs/http.md describes both page by page. Every page can be loaded by GET, every POST of a form leads to one by 303.

What else hangs on the proof of an address is a Flow of its own purpose, with its own texts and templates: signing up, or a
password reset, where WithLinkCheck looks at the new password before the link is used. See examples/signup and
examples/passwordreset.

# Security considerations

What a stranger sees does not tell who has an account, as long as Lookup takes the same time for both: people who are not
known get decoys, deliveries run some time after the answer, and what is told of a code is told of a decoy's alike: attempts
that are left, that it expired, that only the newest works. What is no address by its syntax is said so: that tells nothing about accounts. Where it is certain that a
message reached nobody, what was issued goes on as a decoy; where it may have been taken, the secret stays alive. What remains: what others do with an address
shows. Anyone who asks just after its owner did is told that a message was already sent, and anyone who tries a locked one
that it is locked. So do two addresses of one account, which share its limits.

Links are never used up by GET. A link that is opened in another browser than the one that asked shows whom it is for and
asks, or is refused: see OtherBrowser. Requests that another site lets a browser send are refused by
http.CrossOriginProtection, which goes by Sec-Fetch-Site and Origin.

A browser keeps an entry for each address that it asked for, sealed in a cookie. A code verifies under the ids in it only, so
whoever watches what Redis is told learns nothing of a code from what was typed before it was issued. A form that is sent twice
counts once (onetime.Idempotent): OnVerified then sees Verification.Repeated and must not do again what it has done. Call Forget at
sign-out, which ends that. Limiter bounds what strangers make Redis keep, VerifyLimiter how fast codes are tried;
docs/operations.md has a table of what each request costs.

A browser in which somebody has signed in is known to them from then on (onetime.WithKnownBrowser): it has limits that strangers
cannot empty, and its page tells what became of a message elsewhere. What makes it so is a cookie for all purposes, which proves
nothing; Config.KnownSince and ForgetAll end it.

Nothing that a request says about the host is believed: cookies and messages go by Config.Origin, links by
onetime.WithLinkBase. OnVerified must start a session with a new id (session fixation).
*/
package onetimehttp
