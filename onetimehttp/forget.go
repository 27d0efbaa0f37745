package onetimehttp

import (
	"errors"
	"net/http"

	"github.com/seed-3f7b73d1/onetime"
)

// Forget ends what signed in with this browser: call it where people sign out, before anything of the answer is written. What
// was used can then not be sent again, so that Back signs nobody in. What waits stays, and the browser stays known: what
// makes it so signs nobody in. An error is undecided: the answer drops the cookies all the same.
func (f *Flow) Forget(w http.ResponseWriter, r *http.Request) error {
	s, err := f.session(r)
	if err != nil {
		return err
	}
	return f.forget(w, r, s, func(e entry) bool { return e.done })
}

// ForgetAll is Forget of what waits, too, and of whom the browser is known to, for a computer that several people share.
func (f *Flow) ForgetAll(w http.ResponseWriter, r *http.Request) error {
	s, err := f.session(r)
	if err != nil {
		return err
	}
	s.unknown(w)
	return f.forget(w, r, s, func(entry) bool { return true })
}

func (f *Flow) forget(w http.ResponseWriter, r *http.Request, s *session, ends func(entry) bool) error {
	var errs []error
	for _, e := range s.entries {
		if !ends(e) {
			continue
		}
		s.drop(w, e)
		errs = append(errs, f.end(r, e))
	}
	return errors.Join(errs...)
}

// end ends an issue of an entry, and with it its repeats.
func (f *Flow) end(r *http.Request, e entry) error {
	if e.sends == 0 { // what it knows then is what others asked for
		return nil
	}
	of := person{manager: f.manager, subject: e.address}
	if !e.subject {
		var err error
		if of, err = f.personOf(r, e.address); err != nil {
			return err
		}
	}
	err := of.manager.Cancel(r.Context(), of.subject, e.id())
	if errors.Is(err, onetime.ErrDenied) { // it has ended
		return nil
	}
	return err
}
