"""Verifies the tokens of standard input, one a line, by the key set of a URL: verify.py URL issuer audience. It prints the
claims of each, or null."""

import json
import sys

import jwt

url, issuer, audience = sys.argv[1:]
keys = jwt.PyJWKClient(url)
for token in sys.stdin.read().split():
    try:
        key = keys.get_signing_key_from_jwt(token)
        algorithms = ["ES256", "RS256", "EdDSA"]
        claims = jwt.decode(token, key.key, algorithms=algorithms, issuer=issuer, audience=audience)
        print(json.dumps(claims))
    except jwt.PyJWTError:
        print("null")
