/**
 * Makes attempts at a call until one is answered. What was refused is not tried again.
 *
 * @template T
 * @param {(timeout: number) => Promise<T>} attempt
 * @param {{ timeout: number, retries: number, signal?: AbortSignal }} bounds timeout is in milliseconds, for all attempts
 * @returns {Promise<T>}
 */
export function retrying<T>(attempt: (timeout: number) => Promise<T>, { timeout, retries, signal }: {
    timeout: number;
    retries: number;
    signal?: AbortSignal;
}): Promise<T>;
