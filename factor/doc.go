// Package factor proves that a person holds an authenticator app, a hardware token or a recovery code.
//
// What an account has is sealed into blobs that you keep in your own table, since a secret that lives for years belongs into a
// database and not into Redis. Redis decides races and limits, and may be lost: a code verifies once, whether Redis was
// flushed or your write was lost, as long as it is not both within its 90 s. (Of tokens that count and of recovery codes
// both together let an old code verify again.)
//
//	keys, err := factor.NewKeys(key)
//	factors, err := factor.New(manager, keys, "Example")
//	enrollment, err := factors.EnrollTOTP(userID, "alice@example.com")   // show enrollment.URI as a QR code
//	proof, err := factors.Confirm(ctx, userID, enrollment.Blob, code)    // store proof.Blob
//	proof, err = factors.VerifyIn(ctx, store, userID, code)              // at each sign-in
//
// An account is the person's stable id and not an address that may change; see [Factors.Move] if it must.
package factor
