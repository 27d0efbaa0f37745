#!/usr/bin/env bash
# Lints the API's document, openapi.json, with Spectral. Needs Node.js 18 or newer and npm's registry.
set -euo pipefail
cd "$(dirname "$0")"
npm ci --prefix testdata/lint --ignore-scripts --no-audit --no-fund --loglevel=error
testdata/lint/node_modules/.bin/spectral lint openapi.json --ruleset testdata/lint/ruleset.yaml --fail-severity hint
