/**
 * Returns what an answer says, if it is the yes of its call. A yes has the one status of the call and is of its shape: what
 * a proxy or another server says must never be taken as one.
 *
 * @param {string} name names the call in errors
 * @param {import('./document.js').Call} call
 * @param {import('./exchange.js').Answer} answer
 * @param {string} key that of the caller, which nothing that is told may hold
 * @returns {any}
 */
export function judge(name: string, call: import("./document.js").Call, { status, headers, body }: import("./exchange.js").Answer, key: string): any;
