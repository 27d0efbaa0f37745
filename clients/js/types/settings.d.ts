/**
 * @typedef {object} Settings
 * @property {string} url Where the server is: https, or http on loopback.
 * @property {string} key The key of a caller.
 * @property {number} [timeout] How many milliseconds a call may take, with all its attempts: 100 to 50000, 15000 by default.
 * The server answers within 5 s by default; one attempt gets half of the time, so that another can follow.
 * @property {number} [retries] How many more attempts there are, 0 to 5, 2 by default. Only calls that are safe to repeat are.
 * @property {typeof globalThis.fetch} [fetch] In place of the global one, for proxies and client certificates.
 * @property {boolean} [dangerouslyAllowHTTP] Lets the key, codes and answers travel in clear to any host.
 */
/**
 * @typedef {object} CallOptions
 * @property {number} [timeout] In place of that of the client.
 * @property {AbortSignal} [signal] Ends the call, with the signal's reason as its error. It may have taken effect.
 */
/**
 * Options of calls that are repeated by an Idempotency-Key.
 * @typedef {CallOptions & { idempotencyKey?: string }} RepeatableOptions
 * idempotencyKey: 16 to 255 visible ASCII characters, random and secret, in place of one that the client draws.
 */
/**
 * @param {Settings} settings
 * @returns {{ base: string, key: string, timeout: number, retries: number, fetch: typeof globalThis.fetch }}
 */
export function read(settings: Settings): {
    base: string;
    key: string;
    timeout: number;
    retries: number;
    fetch: typeof globalThis.fetch;
};
/** @param {unknown} timeout */
export function duration(timeout: unknown): number;
/**
 * Demands that an object has known members only: a name that is spelled wrongly must not be a setting that is ignored.
 * @param {string} of
 * @param {unknown} given
 * @param {string[]} names
 */
export function known(of: string, given: unknown, names: string[]): void;
/**
 * Returns a value that is put into a path or header.
 * @param {string} call
 * @param {'service' | 'id' | 'idempotencyKey'} parameter
 * @param {unknown} value
 */
export function checked(call: string, parameter: "service" | "id" | "idempotencyKey", value: unknown): string;
/**
 * Returns a body as JSON. A member that is undefined would be left out in silence, and what it was to demand with it.
 * @param {string} call
 * @param {object} body
 */
export function json(call: string, body: object): string;
export type Settings = {
    /**
     * Where the server is: https, or http on loopback.
     */
    url: string;
    /**
     * The key of a caller.
     */
    key: string;
    /**
     * How many milliseconds a call may take, with all its attempts: 100 to 50000, 15000 by default.
     * The server answers within 5 s by default; one attempt gets half of the time, so that another can follow.
     */
    timeout?: number | undefined;
    /**
     * How many more attempts there are, 0 to 5, 2 by default. Only calls that are safe to repeat are.
     */
    retries?: number | undefined;
    /**
     * In place of the global one, for proxies and client certificates.
     */
    fetch?: typeof globalThis.fetch | undefined;
    /**
     * Lets the key, codes and answers travel in clear to any host.
     */
    dangerouslyAllowHTTP?: boolean | undefined;
};
export type CallOptions = {
    /**
     * In place of that of the client.
     */
    timeout?: number | undefined;
    /**
     * Ends the call, with the signal's reason as its error. It may have taken effect.
     */
    signal?: AbortSignal | undefined;
};
/**
 * idempotencyKey: 16 to 255 visible ASCII characters, random and secret, in place of one that the client draws.
 */
export type RepeatableOptions = CallOptions & {
    idempotencyKey?: string;
};
