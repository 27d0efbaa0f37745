package browser

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"
)

// Late lets the answers to POST come so many nanoseconds late, after what they tell has happened: as where the network is slow.
func Late(next http.Handler, by *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		late := time.Duration(by.Load())
		if r.Method != http.MethodPost || late == 0 {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		time.Sleep(late)
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}
