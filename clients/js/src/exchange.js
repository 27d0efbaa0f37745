import { UndecidedError } from './errors.js'

/** How many bytes an answer may have. The largest of onetimed has a tenth. */
export const maxAnswer = 256 * 1024

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
export async function exchange(call, url, init, { fetch, timeout, signal }) {
  signal?.throwIfAborted()
  const controller = new AbortController()
  /** @type {(reason: unknown) => void} */
  let stop = () => {}
  const stopped = new Promise((_, reject) => (stop = reject))
  const abort = () => stop(signal?.reason)
  const timer = setTimeout(() => stop(new UndecidedError(call, { code: 'timeout' })), timeout)
  signal?.addEventListener('abort', abort)
  try {
    // The race ends the call on time even if fetch does not listen to its signal.
    return await Promise.race([send(call, url, { ...init, signal: controller.signal }, fetch), stopped])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
    controller.abort() // also ends an answer that was not read to its end
  }
}

/**
 * @param {string} call
 * @param {string} url
 * @param {RequestInit} init
 * @param {typeof globalThis.fetch} fetch
 */
async function send(call, url, init, fetch) {
  try {
    const response = await fetch(url, { ...init, redirect: 'manual', credentials: 'omit', referrerPolicy: 'no-referrer', cache: 'no-store' })
    const body = await read(response)
    if (body) return { status: response.status, headers: response.headers, body }
  } catch (error) {
    throw new UndecidedError(call, { code: 'connection' }, word(error))
  }
  throw new UndecidedError(call, { code: 'bad_answer' }, 'too large')
}

/**
 * Reads a body; undefined if it is too large.
 * @param {Response} response
 */
async function read(response) {
  const parts = []
  let size = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.byteLength
    if (size > maxAnswer) return undefined
    parts.push(value)
  }
  const body = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    body.set(part, at)
    at += part.byteLength
  }
  return body
}

/**
 * Returns the code that the platform gives an error, such as ECONNREFUSED. The error itself is not kept: it may hold what
 * was sent or received.
 * @param {any} error
 */
function word(error) {
  const code = error?.cause?.code ?? error?.code
  return typeof code === 'string' && /^[A-Z][A-Z0-9_]{1,39}$/.test(code) ? code : undefined
}
