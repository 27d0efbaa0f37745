// Verifies the tokens of standard input, one a line, by the key set of a URL: node verify.mjs URL issuer audience. It prints
// the claims of each, or null.
import { createInterface } from "node:readline";
import { createRemoteJWKSet, jwtVerify } from "jose";

const [url, issuer, audience] = process.argv.slice(2);
const keys = createRemoteJWKSet(new URL(url));
for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience, typ: "JWT" });
    console.log(JSON.stringify(payload));
  } catch {
    console.log("null");
  }
}
