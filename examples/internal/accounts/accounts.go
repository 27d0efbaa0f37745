// Package accounts is the directory of accounts of the examples, in memory: a table of your database. Each method is one
// transaction.
package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"sync"
	"time"
)

// An Account is a row. It has the columns of all examples.
type Account struct {
	// ID never changes. Codes and links are about it.
	ID string
	// Address is where mail goes, in the one spelling in which onetimehttp passes what was typed. No two accounts have the
	// same.
	Address string
	// Password is the hash of one, empty where there is none.
	Password string
	// Epoch is 128 random bits. Sessions belong to the epoch in which they began, so that a new one ends all of them, in
	// the same write as whatever is the reason for it: no crash lies between the two.
	Epoch string
	// Changes are those of the address that can still be taken back, oldest first.
	Changes []Change
}

// A Change is one of the address of an account that was asked for, whether or not it was made since.
type Change struct {
	ID       string
	Old, New string
	Until    time.Time // it can be taken back; so long Old stays taken
}

// What a directory refuses.
var (
	ErrNone  = errors.New("accounts: no such account")
	ErrTaken = errors.New("accounts: the address belongs to another account")
)

// A Directory is safe for concurrent use.
type Directory struct {
	now func() time.Time

	mu        sync.Mutex
	byID      map[string]Account
	ids       []string // as they were made
	byAddress map[string]string
	failing   error
	writes    int
}

// New makes an account of each address.
func New(now func() time.Time, addresses ...string) *Directory {
	d := &Directory{now: now, byID: map[string]Account{}, byAddress: map[string]string{}}
	for _, address := range addresses {
		d.Create(context.Background(), address)
	}
	return d
}

// NewEpoch returns an Epoch.
func NewEpoch() string { return rand.Text() }

// Lookup is the Config.Lookup of onetimehttp: it finds an account by what was typed. Codes and links are about its ID and go
// to the address that is stored. In a database this is one query by an indexed column, which takes the same time whether it
// finds somebody or not.
func (d *Directory) Lookup(_ context.Context, typed string) (subject, deliverTo string, found bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	id, found := d.byAddress[typed]
	return id, d.byID[id].Address, found, nil
}

// Get returns an account.
func (d *Directory) Get(_ context.Context, id string) (Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, ok := d.byID[id]
	if !ok {
		return Account{}, ErrNone
	}
	return found, nil
}

// Create makes an account, unless the address is taken.
func (d *Directory) Create(_ context.Context, address string) (Account, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing != nil {
		return Account{}, d.failing
	}
	if d.holder(address) != "" {
		return Account{}, ErrTaken
	}
	made := Account{ID: "account-" + strconv.Itoa(len(d.byID)+1), Address: address, Epoch: NewEpoch()}
	d.byID[made.ID], d.byAddress[address] = made, made.ID
	d.ids = append(d.ids, made.ID)
	return made, nil
}

// Update lets change alter an account, and stores what became of it unless change returns an error, which it then returns.
func (d *Directory) Update(_ context.Context, id string, change func(*Account) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failing != nil {
		return d.failing
	}
	old, ok := d.byID[id]
	if !ok {
		return ErrNone
	}
	changed := old
	changed.Changes = slices.Clone(old.Changes)
	if err := change(&changed); err != nil {
		return err
	}
	if holder := d.holder(changed.Address); holder != "" && holder != id {
		return ErrTaken
	}
	delete(d.byAddress, old.Address)
	d.byID[id], d.byAddress[changed.Address] = changed, id
	d.writes++
	return nil
}

// Taken tells whether an address belongs to another account than the one with this ID.
func (d *Directory) Taken(_ context.Context, address, id string) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	holder := d.holder(address)
	return holder != "" && holder != id, nil
}

// holder returns whose address it is, or "". One that can still be put back belongs to the account that had it.
func (d *Directory) holder(address string) string {
	if id, found := d.byAddress[address]; found {
		return id
	}
	for id, a := range d.byID {
		for _, c := range a.Changes {
			if c.Old == address && d.now().Before(c.Until) {
				return id
			}
		}
	}
	return ""
}

// Addresses returns those of all accounts.
func (d *Directory) Addresses() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	addresses := make([]string, len(d.ids))
	for i, id := range d.ids {
		addresses[i] = d.byID[id].Address
	}
	return addresses
}

// Writes is how often Update has stored something.
func (d *Directory) Writes() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.writes
}

// Fail makes every write fail with err, until Fail(nil): to try what becomes of a proof then.
func (d *Directory) Fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.failing = err
}
