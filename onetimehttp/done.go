package onetimehttp

import (
	"encoding/json"
	"net/http"
)

// Done answers a request that proved an address, as the last thing an OnVerified does: browsers are led to a page by 303, and
// programs that ask for JSON get 200 and {"location": …}, since a redirect would make them fetch a page for people. location is
// a path of the Origin, or an address of your own: never take it from the request.
func Done(w http.ResponseWriter, r *http.Request, location string) {
	if wantsJSON(r) {
		body, _ := json.Marshal(struct { // a string
			Location string `json:"location"`
		}{location})
		answer(w, http.StatusOK, "application/json", append(body, '\n'))
		return
	}
	w.Header().Set("Location", location)
	answer(w, http.StatusSeeOther, "text/plain; charset=utf-8", nil)
}
