# What runs nightly, and before a release:
#
# make mutate alters each statement of the scripts and wants a test to fail: of the root, internal/once or internal/suite where it is one
# of lua, of internal/limit where it is cap.lua there. For each survivor write that test, or give in
# internal/mutate/survivors.txt the reason why there is none (more than an hour on two cores).
# ARGS='-only lua/undo.lua,lua/issue.lua:60-80 -v' for a part.
#
# make mutate-go does the same with the Go code of the root module. A mutant is judged by the short tests of its own package:
# each package must stand on its own tests, and those of all packages (--integration) would take a minute for each mutant.
# For what LIVED write a test in that package, unless it changes nothing. NOT COVERED is what the package's own tests do
# not run; constants and the conditions of cases are among it always. Give one package by PACKAGE=./internal/keyring. The
# time limit is 30 times what the tests take, since one that is built anew takes longer.

.PHONY: test short bench mutate mutate-go vuln

MODULES := $(shell go list -m -f '{{.Dir}}')

PACKAGE ?= .

test:
	go test -race -timeout 20m work

short:
	go test -short work

bench:
	go run ./examples/bench

mutate:
	go run ./internal/mutate $(ARGS)

mutate-go:
	GOWORK=off GOFLAGS=-short go run github.com/go-gremlins/gremlins/cmd/gremlins@v0.6.0 unleash --timeout-coefficient 30 \
		--invert-logical --invert-loopctrl --exclude-files '^(examples|onetimed|onetimejwt|onetimesmtp|internal/(child|model|mutate|suite))/' --output-statuses lct $(PACKAGE)

# Until the root is tagged, what is published beside it finds it in the workspace only.
vuln:
	for module in $(MODULES); do \
		case $$module in */onetimed | */onetimejwt | */onetimesmtp) work= ;; *) work=off ;; esac; \
		(cd $$module && GOWORK=$$work go run golang.org/x/vuln/cmd/govulncheck@v1.8.0 ./...) || exit 1; \
	done
