import { parameters } from './document.js'

/** The longest time that a call may take, in milliseconds: a check is repeated by its Idempotency-Key for 60 s. */
const maxTimeout = 50_000

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
export function read(settings) {
  known('Onetime', settings, ['url', 'key', 'timeout', 'retries', 'fetch', 'dangerouslyAllowHTTP'])
  const { url, key, timeout = 15_000, retries = 2, fetch = globalThis.fetch, dangerouslyAllowHTTP = false } = settings
  if (typeof key !== 'string' || !/^[!-~]{16,512}$/.test(key)) throw new TypeError('onetimed: key: want 16 to 512 visible ASCII characters')
  if (!Number.isInteger(retries) || retries < 0 || retries > 5) throw new RangeError('onetimed: retries: want 0 to 5')
  if (typeof fetch !== 'function') throw new TypeError('onetimed: fetch: want a function')
  return { base: origin(url, dangerouslyAllowHTTP === true), key, timeout: duration(timeout), retries, fetch }
}

/**
 * @param {unknown} url
 * @param {boolean} http
 */
function origin(url, http) {
  let parsed
  try {
    parsed = new URL(String(url))
  } catch {
    throw new TypeError('onetimed: url: want a URL')
  }
  if (parsed.username || parsed.password || parsed.search || parsed.hash) throw new TypeError('onetimed: url: want no user, query or fragment')
  const loopback = parsed.hostname === 'localhost' || parsed.hostname === '[::1]' || /^127\.[0-9.]+$/.test(parsed.hostname)
  if (parsed.protocol !== 'https:' && !(parsed.protocol === 'http:' && (loopback || http))) {
    throw new TypeError('onetimed: url: want https, or http on loopback; dangerouslyAllowHTTP allows it elsewhere')
  }
  return parsed.origin + parsed.pathname.replace(/\/+$/, '')
}

/** @param {unknown} timeout */
export function duration(timeout) {
  if (typeof timeout !== 'number' || !(timeout >= 100 && timeout <= maxTimeout)) throw new RangeError(`onetimed: timeout: want 100 to ${maxTimeout} ms`)
  return timeout
}

/**
 * Demands that an object has known members only: a name that is spelled wrongly must not be a setting that is ignored.
 * @param {string} of
 * @param {unknown} given
 * @param {string[]} names
 */
export function known(of, given, names) {
  if (typeof given !== 'object' || given === null) throw new TypeError(`onetimed: ${of}: want an object`)
  if (Object.keys(given).some((each) => !names.includes(each))) throw new TypeError(`onetimed: ${of}: want no options but ${names.join(', ')}`)
}

/**
 * Returns a value that is put into a path or header.
 * @param {string} call
 * @param {'service' | 'id' | 'idempotencyKey'} parameter
 * @param {unknown} value
 */
export function checked(call, parameter, value) {
  if (typeof value !== 'string' || value.length > 4096 || !parameters[parameter].test(value)) {
    throw new TypeError(`onetimed: ${call}: ${parameter}: want ${parameters[parameter].source}`)
  }
  return value
}

/**
 * Returns a body as JSON. A member that is undefined would be left out in silence, and what it was to demand with it.
 * @param {string} call
 * @param {object} body
 */
export function json(call, body) {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new TypeError(`onetimed: ${call}: want an object`)
  return JSON.stringify(body, (member, value) => {
    if (value === undefined) throw new TypeError(`onetimed: ${call}: ${member} is undefined: leave it out or give it a value`)
    return value
  })
}
