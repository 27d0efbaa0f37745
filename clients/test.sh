#!/usr/bin/env bash
# Tests the clients with the server itself, and compares what is generated. Needs Go, Node.js 18 or newer, npm's registry and
# Python 3.9 or newer; NODE and PYTHON name others than those on PATH.
set -euo pipefail
cd "$(dirname "$0")"

node generate.mjs --check
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
node_modules/.bin/tsc -p js --outDir "$scratch/types"
cp js/types/api.d.ts js/types/main.d.ts "$scratch/types"
diff -r "$scratch/types" js/types || { echo 'clients/js/types is old: clients/node_modules/.bin/tsc -p clients/js writes it' >&2; exit 1; }
node_modules/.bin/tsc -p js/test
(cd python && ../node_modules/.bin/pyright)

go build -o "$scratch/onetimed" ../onetimed
export TESTED_SERVER="$scratch/onetimed"
(cd js && "${NODE:-node}" --test test/*.test.js)
(cd python && PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=src "${PYTHON:-python3}" -W error -m unittest discover -s tests)
