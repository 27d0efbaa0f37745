# make mutate alters each statement of the scripts, and each check of keys.go and token.go, and wants a test to fail (10 to 30 minutes).
# For each survivor write that test, or give in internal/mutate/survivors.txt the reason why there is none. ARGS='-only lua/undo.lua -v' for a part.

.PHONY: test short bench mutate

test:
	go test -race -timeout 20m ./... ./examples/...

short:
	go test -short ./... ./examples/...

bench:
	go run ./examples/bench

mutate:
	go run ./internal/mutate $(ARGS)
