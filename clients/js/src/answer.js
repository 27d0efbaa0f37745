import { shapes } from './document.js'
import { RefusedError, UndecidedError } from './errors.js'

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
export function judge(name, call, { status, headers, body }, key) {
  const bad = () => new UndecidedError(name, { code: 'bad_answer', status, retryAfter: seconds(headers) }, `status ${status}`)
  if (status === call.status && call.answer === null) return undefined
  const text = mediaType(headers)
  if (status === call.status && text === 'application/json') {
    const value = parse(body)
    if (fits(value, String(call.answer))) return value
  }
  if (status < 400 || text !== 'application/problem+json') throw bad()
  const problem = parse(body)
  if (!isObject(problem) || problem.status !== status || !plain(problem.reason, /^[a-z][a-z_]{0,39}$/, key)) throw bad()
  const details = {
    code: problem.reason,
    status,
    retryAfter: problem.retry_after === undefined ? seconds(headers) : count(problem.retry_after),
    attemptsLeft: count(problem.attempts_left),
    requestId: plain(problem.request_id, /^[A-Za-z0-9._-]{1,64}$/, key) ? problem.request_id : undefined,
    flaws: flaws(problem.errors, key),
  }
  throw status < 500 ? new RefusedError(name, details) : new UndecidedError(name, details)
}

/** @param {Headers} headers */
function mediaType(headers) {
  const [type, parameter, ...more] = (headers.get('content-type') ?? '').toLowerCase().split(';').map((each) => each.trim())
  return more.length === 0 && (parameter === undefined || parameter === 'charset=utf-8') ? type : ''
}

/** @param {Uint8Array} body */
function parse(body) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body))
  } catch {
    return undefined
  }
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, any>}
 */
function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reports whether a value is of a kind or shape. Members that are not known are left to newer clients.
 * @param {unknown} value
 * @param {string | [string]} kind
 * @returns {boolean}
 */
function fits(value, kind) {
  if (Array.isArray(kind)) return Array.isArray(value) && value.every((each) => fits(each, kind[0]))
  if (kind === 'integer') return Number.isSafeInteger(value)
  if (kind === 'string' || kind === 'boolean') return typeof value === kind
  return isObject(value) && Object.entries(shapes[kind]).every(([member, [of, required]]) =>
    Object.hasOwn(value, member) ? fits(value[member], of) : !required)
}

/**
 * Reports whether a value of the server's is a text of a pattern, without the key.
 * @param {unknown} value
 * @param {RegExp} pattern
 * @param {string} key
 */
function plain(value, pattern, key) {
  return typeof value === 'string' && pattern.test(value) && !value.includes(key)
}

/**
 * @param {unknown} value
 * @returns {number | undefined}
 */
function count(value) {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/**
 * Returns the seconds of Retry-After, also of a proxy's. Its other form, a date, is not looked at.
 * @param {Headers} headers
 */
function seconds(headers) {
  const value = headers.get('retry-after') ?? ''
  return /^[0-9]{1,9}$/.test(value) ? Number(value) : undefined
}

/**
 * @param {unknown} value
 * @param {string} key
 * @returns {import('../types/api.js').Flaw[]}
 */
function flaws(value, key) {
  if (!Array.isArray(value)) return []
  return value.slice(0, 32)
    .filter((each) => isObject(each) && plain(each.pointer, /^#[ -~]{0,99}$/, key) && plain(each.detail, /^[ -~]{1,300}$/, key))
    .map(({ pointer, detail }) => ({ pointer, detail }))
}
