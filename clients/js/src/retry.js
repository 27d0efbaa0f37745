import { UndecidedError } from './errors.js'

/** How many milliseconds the second and the third attempt wait at most. */
const backoff = [250, 1000]

/**
 * Makes attempts at a call until one is answered. What was refused is not tried again.
 *
 * @template T
 * @param {(timeout: number) => Promise<T>} attempt
 * @param {{ timeout: number, retries: number, signal?: AbortSignal }} bounds timeout is in milliseconds, for all attempts
 * @returns {Promise<T>}
 */
export async function retrying(attempt, { timeout, retries, signal }) {
  const end = performance.now() + timeout
  for (let made = 0; ; made++) {
    const left = end - performance.now()
    const last = made >= retries
    try {
      // One that hangs leaves time for another.
      return await attempt(last ? left : Math.min(left, timeout / 2))
    } catch (error) {
      if (last || !(error instanceof UndecidedError) || !mayPass(error)) throw error
      const wait = Math.max(Math.random() * backoff[Math.min(made, 1)], 1000 * (error.retryAfter ?? 0))
      if (wait >= end - performance.now()) throw error
      await pause(wait, signal)
    }
  }
}

/**
 * Reports whether another attempt may be answered.
 * @param {UndecidedError} error
 */
function mayPass(error) {
  if (error.code === 'bad_answer') return [502, 503, 504].includes(error.status ?? 0) // of a proxy
  return error.code !== 'no_signing_keys'
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, milliseconds)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
  })
}
