/**
 * What is known of a call that got no yes. None of it comes from what the call was given.
 * @typedef {object} Details
 * @property {string} code
 * @property {number} [status]
 * @property {number} [retryAfter]
 * @property {number} [attemptsLeft]
 * @property {string} [requestId]
 * @property {import('../types/api.js').Flaw[]} [flaws]
 */
/** A call that got no yes: a {@link RefusedError} or an {@link UndecidedError}. */
export class OnetimeError extends Error {
    /**
     * @param {string} message
     * @param {Details} details
     */
    constructor(message: string, { code, status, retryAfter, attemptsLeft, requestId, flaws }: Details);
    /**
     * Why: the `reason` of the server's answer, such as `code_mismatch`. Without such an answer it is `timeout`, `connection`
     * (none, or lost) or `bad_answer` (not one of onetimed).
     * @type {import('../types/api.js').Reason | 'timeout' | 'connection' | 'bad_answer' | (string & {})}
     */
    code: import("../types/api.js").Reason | "timeout" | "connection" | "bad_answer" | (string & {});
    /** The HTTP status, if there was one. */
    status: number | undefined;
    /** After how many seconds to try again; undefined where waiting does not help, or nobody knows. */
    retryAfter: number | undefined;
    /** How many more wrong codes the verification takes. Of `code_mismatch`. */
    attemptsLeft: number | undefined;
    /** Names the request in the server's log. */
    requestId: string | undefined;
    /** What is wrong with the body, by member. Of `invalid` and `bad_request`. */
    flaws: import("../types/api.js").Flaw[];
}
/** The server said no. */
export class RefusedError extends OnetimeError {
}
/** There is no answer that says yes or no. It is no yes, and the call may have taken effect. */
export class UndecidedError extends OnetimeError {
    /**
     * @param {string} call
     * @param {Details} details
     * @param {string} [what] what went wrong, in a word of the platform's, such as ECONNREFUSED
     */
    constructor(call: string, details: Details, what?: string);
}
/**
 * What is known of a call that got no yes. None of it comes from what the call was given.
 */
export type Details = {
    code: string;
    status?: number | undefined;
    retryAfter?: number | undefined;
    attemptsLeft?: number | undefined;
    requestId?: string | undefined;
    flaws?: import("../types/api.js").Flaw[] | undefined;
};
