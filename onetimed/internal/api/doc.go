/*
Package api is the HTTP interface of onetimed for programs.

	a, err := api.New(config)          // reports all that is wrong at once
	http.Serve(listener, a)            // an *API is a http.Handler
	err = a.Replace(changed)           // all of it or nothing, while requests run

Of check, verify and undo a status of 2xx means yes, and nothing else does. An answer that is no yes is a problem (RFC 9457)
whose reason says which no it is; 503 is no answer at all. What is told of people that the caller has no account of is the
same as of all others, if the caller says decoy.

The package keeps no state: an id is sealed and carries what is needed, and all else is in Redis. The OpenAPI document is made
from the types of requests and answers, at [API.Document]. Nothing is taken from the Host of a request.
*/
package api
