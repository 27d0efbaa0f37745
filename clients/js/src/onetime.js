import { judge } from './answer.js'
import { calls } from './document.js'
import { exchange } from './exchange.js'
import { retrying } from './retry.js'
import { checked, duration, json, known, read } from './settings.js'

/**
 * A client of one onetimed, for one caller. It holds no connection and no state, and is safe to share.
 *
 * Each method returns what the server answers, with the names of the API, when the answer is yes. Otherwise it throws a
 * RefusedError, when the answer is no, or an UndecidedError, when there is none. Arguments that cannot be sent are a TypeError
 * or RangeError.
 *
 * start, resend and check are sent again after an UndecidedError, all with one Idempotency-Key, so that they take effect
 * once; status and cancel as they are. No other call is repeated. The same wrong code counts once, however often it is sent.
 */
export class Onetime {
  #settings

  /** @param {import('./settings.js').Settings} settings */
  constructor(settings) {
    if (typeof window !== 'undefined' && typeof document !== 'undefined') {
      throw new TypeError('onetimed: the key of a caller must not be in a browser: call from a server')
    }
    this.#settings = read(settings)
    /** The calls of support and operators. They need the scope admin. */
    this.admin = Object.freeze({
      /**
       * Tells what is pending, what is locked, and by which name the subject stands in logs.
       * @param {string} service
       * @param {string} subject
       * @param {import('./settings.js').CallOptions} [options]
       * @returns {Promise<import('../types/api.js').AdminStatusOut>}
       */
      status: (service, subject, options) => this.#call('adminStatus', { service }, { subject }, options),
      /**
       * Says in one sentence, for support, why somebody cannot get in.
       * @param {string} service
       * @param {string} subject
       * @param {import('./settings.js').CallOptions} [options]
       * @returns {Promise<import('../types/api.js').ExplainOut>}
       */
      explain: (service, subject, options) => this.#call('adminExplain', { service }, { subject }, options),
      /**
       * Ends all that is pending for a subject.
       * @param {string} service
       * @param {string} subject
       * @param {import('./settings.js').CallOptions} [options]
       * @returns {Promise<void>}
       */
      revoke: (service, subject, options) => this.#call('adminRevoke', { service }, { subject }, options),
      /**
       * Forgets failures and limits, for a person who proved by other means who they are.
       * @param {string} service
       * @param {string} subject
       * @param {import('./settings.js').CallOptions} [options]
       * @returns {Promise<void>}
       */
      unlock: (service, subject, options) => this.#call('adminUnlock', { service }, { subject }, options),
      /**
       * Revokes, and takes what is left of a subject out of the store.
       * @param {string} service
       * @param {string} subject
       * @param {import('./settings.js').CallOptions} [options]
       * @returns {Promise<void>}
       */
      erase: (service, subject, options) => this.#call('adminErase', { service }, { subject }, options),
    })
  }

  /**
   * Issues a code, a link or both, and sends them. Keep the id of the answer in the person's session.
   * @param {string} service
   * @param {import('../types/api.js').StartIn} body
   * @param {import('./settings.js').RepeatableOptions} [options]
   * @returns {Promise<import('../types/api.js').StartOut>}
   */
  start(service, body, options) {
    return this.#call('start', { service }, body, options)
  }

  /**
   * Issues and sends again. The new id counts, and the old one no longer does.
   * @param {string} id
   * @param {import('../types/api.js').ResendIn} [body]
   * @param {import('./settings.js').RepeatableOptions} [options]
   * @returns {Promise<import('../types/api.js').StartOut>}
   */
  resend(id, body = {}, options) {
    return this.#call('resend', { id }, body, options)
  }

  /**
   * Takes the code of an id, and uses it up if it is right.
   * @param {string} id
   * @param {import('../types/api.js').CheckIn} body
   * @param {import('./settings.js').RepeatableOptions} [options]
   * @returns {Promise<import('../types/api.js').CheckOut>}
   */
  check(id, body, options) {
    return this.#call('check', { id }, body, options)
  }

  /**
   * Takes the token of a link, or a subject's code, and uses it up if it is right.
   * @param {string} service
   * @param {import('../types/api.js').ServiceCheckIn} body
   * @param {import('./settings.js').RepeatableOptions} [options]
   * @returns {Promise<import('../types/api.js').CheckOut>}
   */
  checkService(service, body, options) {
    return this.#call('checkService', { service }, body, options)
  }

  /**
   * Tells what a token is about and uses nothing up, for the page that a link opens. It proves nothing.
   * @param {import('../types/api.js').InspectIn} body
   * @param {import('./settings.js').CallOptions} [options]
   * @returns {Promise<import('../types/api.js').InspectOut>}
   */
  inspect(body, options) {
    return this.#call('inspect', {}, body, options)
  }

  /**
   * Gives back what check used up, because what it was used for did not happen. After an UndecidedError it may be given back.
   * @param {string} undo what check answered as undo
   * @param {import('./settings.js').CallOptions} [options]
   * @returns {Promise<void>}
   */
  undo(undo, options) {
    return this.#call('undo', {}, { undo }, options)
  }

  /**
   * Tells whether a verification is pending. It is no proof: only a check is.
   * @param {string} id
   * @param {import('./settings.js').CallOptions} [options]
   * @returns {Promise<import('../types/api.js').StatusOut>}
   */
  status(id, options) {
    return this.#call('status', { id }, undefined, options)
  }

  /**
   * Makes sure that a verification does not verify.
   * @param {string} id
   * @param {import('./settings.js').CallOptions} [options]
   * @returns {Promise<void>}
   */
  cancel(id, options) {
    return this.#call('cancel', { id }, undefined, options)
  }

  /**
   * Tells what an access token says (RFC 7662). Look at `active` first: a token that is not good is answered, too.
   * @param {string} accessToken
   * @param {import('./settings.js').CallOptions} [options]
   * @returns {Promise<import('../types/api.js').IntrospectOut>}
   */
  introspect(accessToken, options) {
    return this.#call('introspect', {}, { token: accessToken }, options)
  }

  /**
   * @param {keyof typeof calls} name
   * @param {Record<string, string>} place the parameters of the path
   * @param {object | undefined} body
   * @param {import('./settings.js').RepeatableOptions} [options]
   * @returns {Promise<any>}
   */
  async #call(name, place, body, options = {}) {
    const call = calls[name]
    const repeatable = call.retry === 'key'
    known(name, options, ['timeout', 'signal', ...(repeatable ? ['idempotencyKey'] : [])])
    const { base, key, fetch, ...settings } = this.#settings
    const timeout = options.timeout === undefined ? settings.timeout : duration(options.timeout)
    const path = call.path.replace(/\{(service|id)\}/g, (_, parameter) => checked(name, parameter, place[parameter]))
    /** @type {Record<string, string>} */
    const headers = { accept: 'application/json, application/problem+json', authorization: `Bearer ${key}` }
    /** @type {string | undefined} */
    let text
    if (call.form) {
      headers['content-type'] = 'application/x-www-form-urlencoded'
      text = form(name, /** @type {Record<string, unknown>} */ (body))
    } else if (body !== undefined) {
      headers['content-type'] = 'application/json'
      text = json(name, body)
    }
    if (repeatable) headers['idempotency-key'] = options.idempotencyKey === undefined ? await draw() : checked(name, 'idempotencyKey', options.idempotencyKey)
    const { signal } = options
    return retrying(
      async (left) => judge(name, call, await exchange(name, base + path, { method: call.method, headers, body: text }, { fetch, timeout: left, signal }), key),
      { timeout, retries: call.retry === 'never' ? 0 : settings.retries, signal },
    )
  }
}

/**
 * @param {string} call
 * @param {Record<string, unknown>} fields
 */
function form(call, fields) {
  for (const [field, value] of Object.entries(fields)) {
    if (typeof value !== 'string') throw new TypeError(`onetimed: ${call}: ${field}: want a string`)
  }
  return new URLSearchParams(/** @type {Record<string, string>} */ (fields)).toString()
}

/** Draws an Idempotency-Key of 256 bits. */
async function draw() {
  const crypto = globalThis.crypto ?? (await import('node:crypto')).webcrypto // Node.js 18 has no global one
  const bytes = crypto.getRandomValues(new Uint8Array(32))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
