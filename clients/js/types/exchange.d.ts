/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Headers} headers
 * @property {Uint8Array} body
 */
/**
 * Sends one request and reads its whole answer, within a time and a size. Redirects are not followed: they would take the key
 * elsewhere. Whatever goes wrong is an UndecidedError, but for an abort by the signal, which is the signal's reason.
 *
 * @param {string} call names the call in errors
 * @param {string} url
 * @param {RequestInit} init
 * @param {{ fetch: typeof globalThis.fetch, timeout: number, signal?: AbortSignal }} bounds timeout is in milliseconds
 * @returns {Promise<Answer>}
 */
export function exchange(call: string, url: string, init: RequestInit, { fetch, timeout, signal }: {
    fetch: typeof globalThis.fetch;
    timeout: number;
    signal?: AbortSignal;
}): Promise<Answer>;
/** How many bytes an answer may have. The largest of onetimed has a tenth. */
export const maxAnswer: number;
export type Answer = {
    status: number;
    headers: Headers;
    body: Uint8Array;
};
