export namespace parameters {
    let service: RegExp;
    let id: RegExp;
    let idempotencyKey: RegExp;
}
export namespace calls {
    export namespace adminErase {
        let method: string;
        let path: string;
        let status: number;
        let answer: string | null;
        let form: boolean;
        let retry: "key" | "plain" | "never";
    }
    export namespace adminExplain { }
    export namespace adminRevoke { }
    export namespace adminStatus { }
    export namespace adminUnlock { }
    export namespace cancel { }
    export namespace check { }
    export namespace checkService { }
    export namespace inspect { }
    export namespace introspect { }
    export namespace resend { }
    export namespace start { }
    export namespace status_1 { }
    export { status_1 as status };
    export namespace undo { }
}
/**
 * What answers are: of each member its kind and whether it is always there. A kind in brackets is a list of it.
 * @type {Record<string, Record<string, [kind: string | [string], required: boolean]>>}
 */
export const shapes: Record<string, Record<string, [kind: string | [string], required: boolean]>>;
/**
 * one call of the API
 */
export type Call = {
    method: string;
    path: string;
    /**
     * the one that means yes
     */
    status: number;
    /**
     * the shape of what comes with it
     */
    answer: string | null;
    /**
     * the body is a form, not JSON
     */
    form: boolean;
    /**
     * how it can be sent again: with its Idempotency-Key, as it is, or never
     */
    retry: "key" | "plain" | "never";
};
