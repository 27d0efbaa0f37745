package main

import (
	"context"
	"strconv"
	"strings"
)

// people is the directory of accounts: a table of your database. It does not change, so all may read it at once.
type people struct {
	byAddress map[string]person // spelled as onetimehttp passes what was typed: ASCII letters in lower case
	byID      map[string]person
	addresses []string
}

// A person is an account. The ID never changes; the address may.
type person struct{ id, address string }

// newPeople makes an account of each address.
func newPeople(addresses string) *people {
	p := &people{byAddress: map[string]person{}, byID: map[string]person{}}
	p.addresses = strings.FieldsFunc(addresses, func(r rune) bool { return r == ' ' || r == ',' })
	for i, address := range p.addresses {
		known := person{"account-" + strconv.Itoa(i+1), address}
		p.byAddress[address], p.byID[known.id] = known, known
	}
	return p
}

// lookup finds an account by what was typed. Codes and links are about its id and go to the address that is stored. In a
// database this is one query by an indexed column, which takes the same time whether it finds somebody or not.
func (p *people) lookup(_ context.Context, typed string) (subject, deliverTo string, found bool, err error) {
	known, found := p.byAddress[typed]
	return known.id, known.address, found, nil
}
