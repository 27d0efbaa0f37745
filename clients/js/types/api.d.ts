// Generated from onetimed/openapi.json by clients/generate.mjs.

/** Why the server said no, or gave no answer; docs/server-api.md says what each means. */
export type Reason =
  | 'bad_request'
  | 'unauthorized'
  | 'forbidden'
  | 'no_such_call'
  | 'not_found'
  | 'method_not_allowed'
  | 'used'
  | 'attempts_exhausted'
  | 'expired'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'invalid'
  | 'malformed'
  | 'code_mismatch'
  | 'binding_mismatch'
  | 'subject_mismatch'
  | 'denied'
  | 'sends_throttled'
  | 'codes_locked'
  | 'codes_disabled'
  | 'undecided'
  | 'no_signing_keys'

export interface AdminStatusOut {
  /** What browsers may do that have signed in before. */
  known_browsers: LocksOut
  /** What is pending, newest first. Decoys are among it. */
  pending: PendingOut[]
  /** What stands for the subject in logs and events of this service. */
  pseudonym: string
  /** What new browsers may do. */
  strangers: LocksOut
}

export interface CheckIn {
  /** That of start, where it had one. */
  binding?: string
  /** The code as it was typed: blanks, dashes, other scripts' digits and what was copied with it are understood. */
  code: string
}

export interface CheckOut {
  /** A signed proof (JWT) of the subject. Of services with access tokens: what is signed cannot be undone. */
  access_token?: string
  /** How many seconds it is good for. */
  access_token_expires_in?: number
  /** The code is one that the operator fixed for people who review apps. It proves nothing about an inbox. */
  fixed_code?: boolean
  /** When it was issued, by the clock of Redis. */
  issued_at: string
  /** What was shown: a code, or a token. */
  kind: 'otp' | 'token' | (string & {})
  /**
   * What makes the browser a known one, together with what it was known by to other people: keep it in a cookie that
   * is HttpOnly and Secure, and show it at the next start. It proves nothing.
   */
  known_browser?: string
  /** What start was given; absent if nothing. */
  payload?: string
  /** The same in base64, in place of payload, where a program has issued it by the library and it is not text. */
  payload_base64?: string
  /** What the proof is good for: the purpose of the service. */
  purpose: string
  /**
   * An earlier sending with the same Idempotency-Key used it, at most 60 s ago: act as then, once. It can no longer
   * be undone.
   */
  repeated?: boolean
  /** Who was proved, in the one spelling that all spellings share. */
  subject: string
  /**
   * The right to give it back by /v1/undo: for the key of this caller, for 60 s, in case that what it was used for
   * cannot be done. Of services without access tokens.
   */
  undo?: string
}

export interface Client {
  /** Ends an SMS, so that an Android app reads the code (SMS Retriever API). */
  app_hash?: string
  /**
   * What check answered as known_browser when somebody signed in with this browser before, from a cookie of the
   * caller's. Where it is of the subject, sends and wrong codes count apart from those of strangers, who so can keep
   * nobody's known browser out. What was altered, or is of somebody else, counts as none. It goes with a binding, or
   * the kind code without request, which is bound to its id.
   */
  known_browser?: string
  /**
   * Ends what was answered as known_browser before this time, in seconds since 1970: keep it in the account's row,
   * and set it to 5 min after now when a device was lost.
   */
  known_since?: number
  /** The person's User-Agent. A mail says which browser asked, in a few fixed words; nothing of it is kept. */
  user_agent?: string
}

export interface Delivery {
  /** How the message goes. */
  channel: 'mail' | 'sms' | 'voice' | 'webhook' | 'none' | (string & {})
  /** queued: it goes out after this answer. none: the caller has the secrets. */
  state: 'queued' | 'none' | (string & {})
}

export interface ExplainOut {
  /** What support can tell the person, in English. It names nobody. */
  sentence: string
}

export interface Flaw {
  /** What the member has to be. */
  detail: string
  /** The member, as a JSON Pointer in a fragment. It names what this document names and nothing else. */
  pointer: string
}

export interface InspectIn {
  /** That of start, where it had one. */
  binding?: string
  /** Looks at a bound token without its binding. */
  ignore_binding?: boolean
  /** The service that the token is of. */
  service: string
  /** The token, as it stands in the link's parameter token. */
  token: string
}

export interface InspectOut {
  /** When it was issued, by the clock of Redis. */
  issued_at: string
  /** What start was given; absent if nothing. */
  payload?: string
  /** The same in base64, in place of payload, where it is not text. */
  payload_base64?: string
  /** The purpose of the service. */
  purpose: string
  /** Who would be proved. */
  subject: string
}

export interface IntrospectOut {
  /** It is an access token of one of the caller's services, and good now. If not, there is nothing else. */
  active: boolean
  /** How it was proved (RFC 8176). */
  amr?: string[]
  /** Whom it is for. */
  aud?: string
  /** When the secret was used, in seconds since 1970. */
  auth_time?: number
  /** When it ends, in seconds since 1970. */
  exp?: number
  /** A code that the operator fixed was shown: it proves nothing about an inbox. */
  fixed_code?: boolean
  /** When it was signed, in seconds since 1970. */
  iat?: number
  /** Who signed it. */
  iss?: string
  /** The same for all tokens of one use of a secret. */
  jti?: string
  /** Since when it is good, in seconds since 1970. */
  nbf?: number
  /** What it is good for: the purpose of the service. */
  purpose?: string
  /** Who was proved. */
  sub?: string
}

export interface LocksOut {
  /** In how many seconds the guess limits let the next code be looked at. */
  check_in: number
  /** Codes are disabled until unlock, or a success of whatever browser. */
  disabled: boolean
  /** Consecutive wrong codes; codes are disabled at 85 of strangers, at 15 of known browsers. */
  failures: number
  /** In how many seconds the send limits let the next message pass. */
  send_in: number
}

export interface PendingOut {
  /** How many more wrong codes it takes. */
  attempts_left: number
  /** It was issued with a binding. */
  bound: boolean
  /** Its code is alive. */
  code: boolean
  /** How many seconds what lives longest is still good for. */
  expires_in: number
  /** The id of the issue, as it stands in logs and events. */
  issue: string
  /** When it was issued, by the clock of Redis. */
  issued_at: string
  /** Its token or link is alive. */
  token: boolean
  /** It was used: it verifies only after an undo. */
  used: boolean
}

export interface ResendIn {
  /** What is approved, as of start. It is not kept from there. */
  action?: string
  /** That of start, where it had one. */
  binding?: string
  /** How the message goes; as before, if absent. */
  channel?: 'mail' | 'sms' | 'voice' | 'webhook' | 'none'
  /** Who asks. */
  client?: Client
  /** What check gives back. It is not kept from start. */
  payload?: string
  /** Where the message goes, as of start. The subject, if absent. */
  to?: string
}

export interface ServiceCheckIn {
  /** That of start, where it had one. */
  binding?: string
  /** The code as it was typed. */
  code?: string
  /**
   * Takes a bound token without its binding, for a person who opened the link in another browser, was asked, and
   * agreed.
   */
  ignore_binding?: boolean
  /** As of start's client. With a code it wants the binding. */
  known_browser?: string
  /** As of start's client. */
  known_since?: number
  /**
   * That which start was given. A code of a start without one is checked by its id alone; one that a program issued
   * by the library, without a request, wants none.
   */
  request?: string
  /** Who is to be proved. With a token it is demanded of it, and may be absent. */
  subject?: string
  /** The token, as it stands in the link's parameter token. Either it or subject and code. */
  token?: string
}

export interface StartIn {
  /**
   * What is approved, such as "transfer of 200 EUR to Ann", in the person's language, at most 200 bytes on one line.
   * Each message says it beside the code.
   */
  action?: string
  /**
   * A secret of whoever asks, such as the value of their session, of at least 128 random bits: only who shows it
   * again verifies. Where it is absent a code is bound to the id, and a link to nobody.
   */
  binding?: string
  /**
   * How the message goes, one of the service's channels; the first of them if absent. none gives the secrets to the
   * caller, which needs the scope secrets.
   */
  channel?: 'mail' | 'sms' | 'voice' | 'webhook' | 'none'
  /** Who asks. */
  client?: Client
  /**
   * There is no such account: the answer is the same, nothing is sent and nothing verifies, so that nobody learns who
   * has an account. With the channel none there are no secrets.
   */
  decoy?: boolean
  /**
   * code, if absent; a link; both, of which one use uses up both; or a token without a page, for the channel none
   * only. Codes of both are left out while codes are locked.
   */
  kind?: 'code' | 'link' | 'both' | 'token'
  /** The person's language, as BCP 47 writes it: de, pt-BR. */
  locale?: string
  /** At most 4096 bytes that check gives back. They are sealed in Redis. */
  payload?: string
  /**
   * A random value of at least 128 bits, drawn for this start alone, for callers that keep it instead of the id:
   * services/{service}/check takes the code with it and with the binding. One is drawn where it is absent.
   */
  request?: string
  /**
   * Who is to be proved: the id of an account, or an address. Spellings of one address are one subject. At most 512
   * bytes.
   */
  subject: string
  /** Where the message goes: the address that is stored with the account, not what was typed. The subject, if absent. */
  to?: string
  /** Makes it live shorter than the service says. */
  ttl_seconds?: number
}

export interface StartOut {
  /** The code; of the channel none. */
  code?: string
  /** How many seconds the code is good for. Absent without a code. */
  code_expires_in?: number
  /** What becomes of the message. */
  delivery: Delivery
  /** How many seconds it is good for; of both, the link. */
  expires_in: number
  /**
   * Names the verification for the calls of /v1/verifications. It is sealed and names nobody. Keep it in the person's
   * session. Only callers of the service can use it.
   */
  id: string
  /** An earlier sending with the same Idempotency-Key made it and sent the message. There are no secrets. */
  repeated?: boolean
  /** In how many seconds it can be sent again. */
  resend_in: number
  /** The token, also that of the link; of the channel none. */
  token?: string
  /** The link; of the channel none. */
  url?: string
}

export interface StatusOut {
  /** How many more wrong codes it takes. */
  attempts_left: number
  /** In how many seconds a code is looked at again; 0: at once. */
  check_in: number
  /** How many seconds what lives longest is still good for. */
  expires_in: number
  /** In how many seconds it can be sent again. */
  resend_in: number
  /** used: it was used, by whatever call. What is over is a problem. */
  state: 'pending' | 'used' | (string & {})
}

export interface SubjectIn {
  /** Who it is about. */
  subject: string
}

export interface UndoIn {
  /** What check answered. */
  undo: string
}
