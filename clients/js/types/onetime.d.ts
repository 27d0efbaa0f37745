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
    /** @param {import('./settings.js').Settings} settings */
    constructor(settings: import("./settings.js").Settings);
    /** The calls of support and operators. They need the scope admin. */
    admin: Readonly<{
        /**
         * Tells what is pending, what is locked, and by which name the subject stands in logs.
         * @param {string} service
         * @param {string} subject
         * @param {import('./settings.js').CallOptions} [options]
         * @returns {Promise<import('../types/api.js').AdminStatusOut>}
         */
        status: (service: string, subject: string, options?: import("./settings.js").CallOptions) => Promise<import("../types/api.js").AdminStatusOut>;
        /**
         * Says in one sentence, for support, why somebody cannot get in.
         * @param {string} service
         * @param {string} subject
         * @param {import('./settings.js').CallOptions} [options]
         * @returns {Promise<import('../types/api.js').ExplainOut>}
         */
        explain: (service: string, subject: string, options?: import("./settings.js").CallOptions) => Promise<import("../types/api.js").ExplainOut>;
        /**
         * Ends all that is pending for a subject.
         * @param {string} service
         * @param {string} subject
         * @param {import('./settings.js').CallOptions} [options]
         * @returns {Promise<void>}
         */
        revoke: (service: string, subject: string, options?: import("./settings.js").CallOptions) => Promise<void>;
        /**
         * Forgets failures and limits, for a person who proved by other means who they are.
         * @param {string} service
         * @param {string} subject
         * @param {import('./settings.js').CallOptions} [options]
         * @returns {Promise<void>}
         */
        unlock: (service: string, subject: string, options?: import("./settings.js").CallOptions) => Promise<void>;
        /**
         * Revokes, and takes what is left of a subject out of the store.
         * @param {string} service
         * @param {string} subject
         * @param {import('./settings.js').CallOptions} [options]
         * @returns {Promise<void>}
         */
        erase: (service: string, subject: string, options?: import("./settings.js").CallOptions) => Promise<void>;
    }>;
    /**
     * Issues a code, a link or both, and sends them. Keep the id of the answer in the person's session.
     * @param {string} service
     * @param {import('../types/api.js').StartIn} body
     * @param {import('./settings.js').RepeatableOptions} [options]
     * @returns {Promise<import('../types/api.js').StartOut>}
     */
    start(service: string, body: import("../types/api.js").StartIn, options?: import("./settings.js").RepeatableOptions): Promise<import("../types/api.js").StartOut>;
    /**
     * Issues and sends again. The new id counts, and the old one no longer does.
     * @param {string} id
     * @param {import('../types/api.js').ResendIn} [body]
     * @param {import('./settings.js').RepeatableOptions} [options]
     * @returns {Promise<import('../types/api.js').StartOut>}
     */
    resend(id: string, body?: import("../types/api.js").ResendIn, options?: import("./settings.js").RepeatableOptions): Promise<import("../types/api.js").StartOut>;
    /**
     * Takes the code of an id, and uses it up if it is right.
     * @param {string} id
     * @param {import('../types/api.js').CheckIn} body
     * @param {import('./settings.js').RepeatableOptions} [options]
     * @returns {Promise<import('../types/api.js').CheckOut>}
     */
    check(id: string, body: import("../types/api.js").CheckIn, options?: import("./settings.js").RepeatableOptions): Promise<import("../types/api.js").CheckOut>;
    /**
     * Takes the token of a link, or a subject's code, and uses it up if it is right.
     * @param {string} service
     * @param {import('../types/api.js').ServiceCheckIn} body
     * @param {import('./settings.js').RepeatableOptions} [options]
     * @returns {Promise<import('../types/api.js').CheckOut>}
     */
    checkService(service: string, body: import("../types/api.js").ServiceCheckIn, options?: import("./settings.js").RepeatableOptions): Promise<import("../types/api.js").CheckOut>;
    /**
     * Tells what a token is about and uses nothing up, for the page that a link opens. It proves nothing.
     * @param {import('../types/api.js').InspectIn} body
     * @param {import('./settings.js').CallOptions} [options]
     * @returns {Promise<import('../types/api.js').InspectOut>}
     */
    inspect(body: import("../types/api.js").InspectIn, options?: import("./settings.js").CallOptions): Promise<import("../types/api.js").InspectOut>;
    /**
     * Gives back what check used up, because what it was used for did not happen. After an UndecidedError it may be given back.
     * @param {string} undo what check answered as undo
     * @param {import('./settings.js').CallOptions} [options]
     * @returns {Promise<void>}
     */
    undo(undo: string, options?: import("./settings.js").CallOptions): Promise<void>;
    /**
     * Tells whether a verification is pending. It is no proof: only a check is.
     * @param {string} id
     * @param {import('./settings.js').CallOptions} [options]
     * @returns {Promise<import('../types/api.js').StatusOut>}
     */
    status(id: string, options?: import("./settings.js").CallOptions): Promise<import("../types/api.js").StatusOut>;
    /**
     * Makes sure that a verification does not verify.
     * @param {string} id
     * @param {import('./settings.js').CallOptions} [options]
     * @returns {Promise<void>}
     */
    cancel(id: string, options?: import("./settings.js").CallOptions): Promise<void>;
    /**
     * Tells what an access token says (RFC 7662). Look at `active` first: a token that is not good is answered, too.
     * @param {string} accessToken
     * @param {import('./settings.js').CallOptions} [options]
     * @returns {Promise<import('../types/api.js').IntrospectOut>}
     */
    introspect(accessToken: string, options?: import("./settings.js").CallOptions): Promise<import("../types/api.js").IntrospectOut>;
    #private;
}
