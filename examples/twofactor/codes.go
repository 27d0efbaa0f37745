package main

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-3f7b73d1/onetime"
)

const (
	recoveryCodes = 10
	// codesLife is how long new recovery codes can be seen, unless the person says before that they are kept. The table has
	// digests of them only: afterwards nobody can show them.
	codesLife = 10 * time.Minute
	// maxCode is more than any code has, with spaces and dashes.
	maxCode = 64
)

// shown are new recovery codes that the person has not yet kept. They print as nothing in particular: they stand in a session.
type shown struct {
	codes []string
	until time.Time
}

// newCodes returns the codes of a session that can still be seen.
func (a *app) newCodes(r *http.Request) []string {
	id := a.Sessions.ID(r)
	kept, ok := a.Sessions.Get(id, keptCodes).(shown)
	if !ok || !a.Now().Before(kept.until) {
		a.Sessions.Put(id, keptCodes, nil)
		return nil
	}
	return kept.codes
}

// showCodes shows new recovery codes in the session that made them. A page that a train has swallowed can be loaded again.
func (a *app) showCodes(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.owner(w, r, "/factor"); !ok {
		return
	}
	codes := a.newCodes(r)
	if codes == nil {
		http.Redirect(w, r, "/factor", http.StatusSeeOther)
		return
	}
	a.pages.Show(w, http.StatusOK, "codes", codes)
}

// downloadCodes is showCodes as a file.
func (a *app) downloadCodes(w http.ResponseWriter, r *http.Request) {
	account, ok := a.owner(w, r, "/factor")
	if !ok {
		return
	}
	codes := a.newCodes(r)
	if codes == nil {
		http.Redirect(w, r, "/factor", http.StatusSeeOther)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="example-recovery-codes.txt"`)
	w.Write([]byte("Recovery codes for " + account.Address + " at " + service + ", made at " + a.at() + ".\r\n" +
		"Each works once, in place of a code of the app.\r\n\r\n" + strings.Join(codes, "\r\n") + "\r\n"))
}

// dropCodes forgets them: the person has kept them.
func (a *app) dropCodes(w http.ResponseWriter, r *http.Request) {
	if _, ok := a.owner(w, r, "/factor"); !ok {
		return
	}
	a.Sessions.Put(a.Sessions.ID(r), keptCodes, nil)
	http.Redirect(w, r, "/factor", http.StatusSeeOther)
}

// renewCodes makes new recovery codes, by a code of the app.
func (a *app) renewCodes(w http.ResponseWriter, r *http.Request) {
	account, proof, ok := a.proved(w, r, renewal)
	if !ok {
		return
	}
	if !proof.Repeated { // else the first sending makes them, or has failed
		codes, err := a.factors.RecoveryCodes(account.ID, recoveryCodes)
		if err == nil {
			err = a.replaceCodes(r.Context(), account.ID, codes.Blob)
		}
		if err != nil {
			a.showChange(w, renewal, errNotDone)
			return
		}
		a.Sessions.Put(a.Sessions.ID(r), keptCodes, shown{codes.Codes, a.Now().Add(codesLife)})
		a.tell(account.Address, codesSubject, madeCodes(a.at()))
	}
	http.Redirect(w, r, "/factor/codes", http.StatusSeeOther)
}

// replaceCodes stores new recovery codes in place of the old ones, which verify no more. Where something else has written them
// meanwhile it is an error: of two renewals at the same time one shows codes that work, and the other none.
func (a *app) replaceCodes(ctx context.Context, account string, blob []byte) error {
	rows, err := a.rows(ctx, account)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(rows, func(r row) bool { return r.Kind == onetime.KindRecovery })
	if at < 0 {
		return a.store.Add(ctx, account, blob)
	}
	swapped, err := a.store.Swap(ctx, account, rows[at].blob, blob)
	if err == nil && !swapped {
		err = errNotDone
	}
	return err
}
