package factor

import (
	"context"
	"errors"

	"github.com/seed-3f7b73d1/onetime"
	"github.com/seed-3f7b73d1/onetime/internal/once"
)

// A Store is the table that has the blobs. Package sqlstore has one over database/sql. It is given accounts as they were given
// to the call.
type Store interface {
	// Load returns all blobs of an account, of any kind, in an order that stays. It must see what Swap wrote before: no replica
	// that lags.
	Load(ctx context.Context, account string) ([][]byte, error)
	// Swap puts a blob in the place of an old one if that is still there, and reports whether it was. It is durable once it
	// returned. After an error it may have happened.
	Swap(ctx context.Context, account string, old, blob []byte) (bool, error)
}

// maxSwaps bounds how often a call that always loses the race tries.
const maxSwaps = 16

var errBusy = errors.New("the row was changed by others each time it was written")

// VerifyIn is [Factors.Verify] with the blobs of a store, and stores the new one: nil means verified and stored. Where other calls
// write the same row at the same time, each use is stored in what the others have left, so none is lost and none counts
// twice. It is [onetime.ErrNotFound] if the authenticator was removed meanwhile. Where it is not known whether the store has
// the new blob, the call is undecided, and the code is used up.
func (f *Factors) VerifyIn(ctx context.Context, store Store, account, code string, opts ...onetime.VerifyOption) (Proof, error) {
	return f.observed(ctx, "factor.Verify", func(a *attempt) (Proof, error) {
		return f.in(ctx, a, store, account, opts, false, func(blobs [][]byte) (Proof, error) { return f.verify(ctx, a, code, blobs) })
	})
}

// VerifyRecoveryIn is [Factors.VerifyRecovery] as [Factors.VerifyIn] is [Factors.Verify].
func (f *Factors) VerifyRecoveryIn(ctx context.Context, store Store, account, code string, opts ...onetime.VerifyOption) (Proof, error) {
	return f.observed(ctx, "factor.VerifyRecovery", func(a *attempt) (Proof, error) {
		return f.in(ctx, a, store, account, opts, true, func(blobs [][]byte) (Proof, error) { return f.verifyRecovery(ctx, a, code, blobs) })
	})
}

// in loads the blobs of a kind, judges and stores.
func (f *Factors) in(ctx context.Context, a *attempt, store Store, account string, opts []onetime.VerifyOption, codes bool,
	judge func([][]byte) (Proof, error)) (Proof, error) {
	if err := a.begin(f, account, opts); err != nil {
		return Proof{}, err
	}
	if store == nil {
		return Proof{}, invalid("VerifyIn: the Store is nil")
	}
	all, err := store.Load(ctx, a.typed)
	if err != nil {
		return Proof{}, undecided(a.op, err)
	}
	var blobs [][]byte
	var places []int
	for i, blob := range all {
		if (kindOf(blob) == once.Index) == codes {
			blobs, places = append(blobs, blob), append(places, i)
		}
	}
	p, err := judge(blobs)
	if err != nil {
		return Proof{}, err
	}
	p.Index = places[p.Index]
	p.Blob, err = f.write(ctx, a, store, all[p.Index], p)
	return p, err
}

// write stores that the number of a Proof is used, in what others have made of the row meanwhile. The row, and not Redis, decides
// there: whoever finds the number used in it has lost, even if Redis was flushed and let two calls pass.
func (f *Factors) write(ctx context.Context, a *attempt, store Store, old []byte, p Proof) ([]byte, error) {
	blob, unknown := p.Blob, error(nil)
	for range maxSwaps {
		ok, err := store.Swap(ctx, a.typed, old, blob)
		if ok && err == nil {
			return blob, nil
		}
		if err != nil {
			unknown = err
		}
		blobs, err := store.Load(ctx, a.typed)
		if err != nil {
			return nil, undecided(a.op, errors.Join(unknown, err))
		}
		other, r := f.find(a, blobs, p.row)
		switch {
		case r == nil:
			return nil, f.denied(onetime.ErrNotFound)
		case r.call == p.call: // by another sending, or by a commit that was not known to have happened
			return other, nil
		case r.mark(p.number, p.call):
			old, blob = other, f.seal(a.account, r)
		case unknown != nil: // this call may have stored it itself, and others have written since
			return nil, undecided(a.op, unknown)
		default:
			return nil, f.denied(onetime.ErrUsed)
		}
	}
	return nil, undecided(a.op, errors.Join(errBusy, unknown))
}

// find returns the blob that has the secret of a row now, and what it holds; nil if there is none.
func (f *Factors) find(a *attempt, blobs [][]byte, of *row) ([]byte, *row) {
	for _, blob := range blobs {
		r, err := f.open(a.account, blob)
		if err == nil && !r.pending && r.kind == of.kind && r.secret() == of.secret() {
			return blob, r
		}
	}
	return nil, nil
}
