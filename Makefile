# make mutate alters each statement of the scripts, and each check of token.go, and wants a test to fail (half an hour of processor time).
# For each survivor write that test, or give in internal/mutate/survivors.txt the reason why there is none. ARGS='-only lua/undo.lua -v' for a part.

.PHONY: test short bench mutate vuln

test:
	go test -race -timeout 20m ./... ./examples/... ./internal/model/... ./onetimesmtp/...

short:
	go test -short ./... ./examples/... ./internal/model/... ./onetimesmtp/...

bench:
	go run ./examples/bench

mutate:
	go run ./internal/mutate $(ARGS)

vuln:
	for module in . examples internal/model; do (cd $$module && GOWORK=off go run golang.org/x/vuln/cmd/govulncheck@v1.8.0 ./...) || exit 1; done
