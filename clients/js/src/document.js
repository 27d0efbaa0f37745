// Generated from onetimed/openapi.json by clients/generate.mjs.

/** What parameters have to be. */
export const parameters = {
  service: /^[a-z0-9][a-z0-9._-]{0,63}$/,
  id: /^[A-Za-z0-9_-]+$/,
  idempotencyKey: /^[!-~]{16,255}$/,
}

/**
 * @typedef {object} Call one call of the API
 * @property {string} method
 * @property {string} path
 * @property {number} status the one that means yes
 * @property {string | null} answer the shape of what comes with it
 * @property {boolean} form the body is a form, not JSON
 * @property {'key' | 'plain' | 'never'} retry how it can be sent again: with its Idempotency-Key, as it is, or never
 */

/** The calls, by the methods that make them. */
export const calls = {
  adminErase: /** @type {Call} */ ({ method: 'POST', path: '/v1/admin/{service}/erase', status: 204, answer: null, form: false, retry: 'never' }),
  adminExplain: /** @type {Call} */ ({ method: 'POST', path: '/v1/admin/{service}/explain', status: 200, answer: 'ExplainOut', form: false, retry: 'never' }),
  adminRevoke: /** @type {Call} */ ({ method: 'POST', path: '/v1/admin/{service}/revoke', status: 204, answer: null, form: false, retry: 'never' }),
  adminStatus: /** @type {Call} */ ({ method: 'POST', path: '/v1/admin/{service}/status', status: 200, answer: 'AdminStatusOut', form: false, retry: 'never' }),
  adminUnlock: /** @type {Call} */ ({ method: 'POST', path: '/v1/admin/{service}/unlock', status: 204, answer: null, form: false, retry: 'never' }),
  cancel: /** @type {Call} */ ({ method: 'DELETE', path: '/v1/verifications/{id}', status: 204, answer: null, form: false, retry: 'plain' }),
  check: /** @type {Call} */ ({ method: 'POST', path: '/v1/verifications/{id}/check', status: 200, answer: 'CheckOut', form: false, retry: 'key' }),
  checkService: /** @type {Call} */ ({ method: 'POST', path: '/v1/services/{service}/check', status: 200, answer: 'CheckOut', form: false, retry: 'key' }),
  inspect: /** @type {Call} */ ({ method: 'POST', path: '/v1/tokens/inspect', status: 200, answer: 'InspectOut', form: false, retry: 'never' }),
  introspect: /** @type {Call} */ ({ method: 'POST', path: '/v1/access-tokens/introspect', status: 200, answer: 'IntrospectOut', form: true, retry: 'never' }),
  resend: /** @type {Call} */ ({ method: 'POST', path: '/v1/verifications/{id}/resend', status: 201, answer: 'StartOut', form: false, retry: 'key' }),
  start: /** @type {Call} */ ({ method: 'POST', path: '/v1/services/{service}/verifications', status: 201, answer: 'StartOut', form: false, retry: 'key' }),
  status: /** @type {Call} */ ({ method: 'GET', path: '/v1/verifications/{id}', status: 200, answer: 'StatusOut', form: false, retry: 'plain' }),
  undo: /** @type {Call} */ ({ method: 'POST', path: '/v1/undo', status: 204, answer: null, form: false, retry: 'never' }),
}

/**
 * What answers are: of each member its kind and whether it is always there. A kind in brackets is a list of it.
 * @type {Record<string, Record<string, [kind: string | [string], required: boolean]>>}
 */
export const shapes = {
  AdminStatusOut: {
    known_browsers: ['LocksOut', true],
    pending: [['PendingOut'], true],
    pseudonym: ['string', true],
    strangers: ['LocksOut', true],
  },
  CheckOut: {
    access_token: ['string', false],
    access_token_expires_in: ['integer', false],
    fixed_code: ['boolean', false],
    issued_at: ['string', true],
    kind: ['string', true],
    known_browser: ['string', false],
    payload: ['string', false],
    payload_base64: ['string', false],
    purpose: ['string', true],
    repeated: ['boolean', false],
    subject: ['string', true],
    undo: ['string', false],
  },
  Delivery: {
    channel: ['string', true],
    state: ['string', true],
  },
  ExplainOut: {
    sentence: ['string', true],
  },
  Flaw: {
    detail: ['string', true],
    pointer: ['string', true],
  },
  InspectOut: {
    issued_at: ['string', true],
    payload: ['string', false],
    payload_base64: ['string', false],
    purpose: ['string', true],
    subject: ['string', true],
  },
  IntrospectOut: {
    active: ['boolean', true],
    amr: [['string'], false],
    aud: ['string', false],
    auth_time: ['integer', false],
    exp: ['integer', false],
    fixed_code: ['boolean', false],
    iat: ['integer', false],
    iss: ['string', false],
    jti: ['string', false],
    nbf: ['integer', false],
    purpose: ['string', false],
    sub: ['string', false],
  },
  LocksOut: {
    check_in: ['integer', true],
    disabled: ['boolean', true],
    failures: ['integer', true],
    send_in: ['integer', true],
  },
  PendingOut: {
    attempts_left: ['integer', true],
    bound: ['boolean', true],
    code: ['boolean', true],
    expires_in: ['integer', true],
    issue: ['string', true],
    issued_at: ['string', true],
    token: ['boolean', true],
    used: ['boolean', true],
  },
  StartOut: {
    code: ['string', false],
    code_expires_in: ['integer', false],
    delivery: ['Delivery', true],
    expires_in: ['integer', true],
    id: ['string', true],
    repeated: ['boolean', false],
    resend_in: ['integer', true],
    token: ['string', false],
    url: ['string', false],
  },
  StatusOut: {
    attempts_left: ['integer', true],
    check_in: ['integer', true],
    expires_in: ['integer', true],
    resend_in: ['integer', true],
    state: ['string', true],
  },
}
