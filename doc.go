/*
Package onetime proves that a person holds an inbox, a phone or a link. It issues one-time passcodes, opaque tokens and
magic links, keeps keyed digests of them in Redis under a TTL, and verifies each once, in one atomic script.

	m, err := onetime.New(rdb, key)                       // at start-up; key: 32 random bytes
	otp, err := m.IssueOTP(ctx, "alice@example.com")      // deliver otp.Code
	v, err := m.VerifyOTP(ctx, "alice@example.com", typed) // nil: v.Subject is proved

# Outcomes

nil means verified, and nothing else does. A *DeniedError is a refusal: errors.Is finds ErrDenied and its Reason in it.
What to tell the person:

  - try again: ErrMalformed, ErrMismatch
  - ask for a new one: ErrNotFound, ErrUsed, ErrExhausted, ErrBinding, ErrSubject
  - wait: ErrThrottled, ErrLocked
  - get help, or use a link: ErrDisabled

ErrInvalid is bad input or a wrong option, found before Redis is asked. Every other error is undecided: Redis did not
answer, or not with anything that can be believed. Undecided is never yes. The call may have taken effect, and may
still: a right secret can be ErrUsed afterwards, and the person asks for a new one.

# Guarantees

Of any number of parallel or repeated verifications of a secret one succeeds, and of a link and its code together, too.
At most MaxAttempts wrong codes are evaluated between two issues, and no more than the guess limits allow over all
issues, whoever signs in or asks for a new code meanwhile. What a dump, MONITOR or the slow log of Redis shows tells no
subject, code, token or payload without the key, and nothing that is stored of one issue helps with another. A command that
go-redis sends twice counts once, and a copy of it that runs late revives nothing. Under [Idempotent] all sendings of a form
are one use. All this holds as long
as Redis keeps what it was told. Replication is asynchronous: after a failover a secret that was used just before may
verify again, unless WithReplicaAck is set.

# Threat model

An attacker may know addresses, ask for codes, try codes, see old links and read what Redis stores; then the
guarantees hold. One who sees the commands that Redis gets (MONITOR, SLOWLOG, tracing that records arguments), and types codes
as well, finds codes that were issued without [WithRequest] among those that they typed before; with it, they can search the
code of their own request while codes are locked. Anyone who can read the inbox, holds the key or can write to Redis is
outside what this library can stop. A stranger
who knows an address can spend its sends and keep its codes locked: offer a link beside the code, since links and
tokens have no guess limit to lock.

# Time and settings

Redis is the only clock, but for the end of WithDangerouslyFixedCodes. Redis must not evict: maxmemory-policy
noeviction. Check tells what it can see of that. Deadlines of contexts hold only if ContextTimeoutEnabled is set in the
client's options, and not with the automatic pipeliner. All Managers of a purpose must have the same limits.
*/
package onetime
