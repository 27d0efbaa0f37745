package accounts

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const alice, bob = "alice@example.com", "bob@example.com"

func TestDirectory_FindsByAddress(t *testing.T) {
	d := New(time.Now, alice)
	subject, deliverTo, found, err := d.Lookup(t.Context(), alice)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, "account-1", subject)
	require.Equal(t, alice, deliverTo)

	_, deliverTo, found, err = d.Lookup(t.Context(), bob)
	require.NoError(t, err, "that somebody is not known is no error")
	require.False(t, found)
	require.Empty(t, deliverTo)
	_, err = d.Get(t.Context(), "account-2")
	require.ErrorIs(t, err, ErrNone)
	require.ErrorIs(t, d.Update(t.Context(), "account-2", func(*Account) error { return nil }), ErrNone)
}

func TestDirectory_AnAddressIsOfOneAccount(t *testing.T) {
	d := New(time.Now, alice, bob)
	_, err := d.Create(t.Context(), bob)
	require.ErrorIs(t, err, ErrTaken)
	require.ErrorIs(t, d.Update(t.Context(), "account-1", func(a *Account) error { a.Address = bob; return nil }), ErrTaken)
	require.Equal(t, []string{alice, bob}, d.Addresses())

	require.NoError(t, d.Update(t.Context(), "account-1", func(a *Account) error { a.Address = "ann@example.com"; return nil }))
	require.Equal(t, []string{"ann@example.com", bob}, d.Addresses())
	_, _, found, _ := d.Lookup(t.Context(), alice)
	require.False(t, found)
	made, err := d.Create(t.Context(), alice)
	require.NoError(t, err)
	require.Equal(t, "account-3", made.ID)
}

// The old address stays taken as long as it can be put back.
func TestDirectory_AnAddressThatCanBePutBackIsTaken(t *testing.T) {
	now := time.Now()
	d := New(func() time.Time { return now }, alice, bob)
	require.NoError(t, d.Update(t.Context(), "account-1", func(a *Account) error {
		a.Changes = append(a.Changes, Change{"1", alice, "ann@example.com", now.Add(time.Hour)})
		a.Address = "ann@example.com"
		return nil
	}))
	taken := func(id string) bool {
		found, err := d.Taken(t.Context(), alice, id)
		require.NoError(t, err)
		return found
	}
	require.True(t, taken("account-2"))
	require.False(t, taken("account-1"), "but not for its account")
	_, err := d.Create(t.Context(), alice)
	require.ErrorIs(t, err, ErrTaken)
	now = now.Add(time.Hour)
	require.False(t, taken("account-2"))
	_, err = d.Create(t.Context(), alice)
	require.NoError(t, err)
}

func TestDirectory_AnErrorStoresNothing(t *testing.T) {
	d := New(time.Now, alice)
	failed := errors.New("no")
	before, err := d.Get(t.Context(), "account-1")
	require.NoError(t, err)
	change := func(a *Account) error { a.Address, a.Password, a.Epoch = bob, "x", "y"; return failed }
	require.ErrorIs(t, d.Update(t.Context(), "account-1", change), failed)
	d.Fail(errors.New("full"))
	require.ErrorContains(t, d.Update(t.Context(), "account-1", func(*Account) error { return nil }), "full")
	_, err = d.Create(t.Context(), bob)
	require.ErrorContains(t, err, "full")
	after, err := d.Get(t.Context(), "account-1")
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, []string{alice}, d.Addresses())
	d.Fail(nil)
	require.NoError(t, d.Update(t.Context(), "account-1", func(*Account) error { return nil }))
}
