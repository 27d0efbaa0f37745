/*
Package onetimejwt makes signed proofs (JSON Web Tokens) of verifications, and verifies them where there is no Redis.

	issuer, err := onetimejwt.NewIssuer("https://id.example.com", []crypto.Signer{key})
	http.Handle("/.well-known/", issuer.WellKnown())
	token, err := issuer.Sign(account, "https://api.example.com", []onetime.Verification{v})

	verifier, err := onetimejwt.NewVerifier("https://id.example.com", "https://api.example.com",
		onetimejwt.Remote("https://id.example.com/.well-known/jwks.json"))
	http.Handle("/orders", verifier.Bearer(orders)) // onetimejwt.ClaimsFrom(r.Context()) has the account

# What a proof says

A token says that the named account used a secret of onetime, for which purpose, when and by what kind of secret. It says
no more than was proved: [Issuer.Sign] refuses what was only inspected, and codes that are fixed unless it is asked to sign
them, which the token then says.

# What a verifier takes

A [Verifier] takes one issuer, one audience, one type, and of each key one algorithm. The token's own headers choose a key
by its id and nothing else. nil means verified, and nothing else does: [ErrRefused] is a no, [ErrNoKeys] is undecided.

# What it does not do

A token cannot be called back: it lives until it expires. Sign last, since [onetime.Verification.Undo] recalls no token,
and keep lifetimes short. Whoever holds a token can use it; send it over TLS alone.
*/
package onetimejwt
