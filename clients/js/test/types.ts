// Compiled, not run: what TypeScript takes of the client, and what it does not.
import { Onetime, OnetimeError, RefusedError, UndecidedError, type CheckOut, type Reason, type StartIn } from 'onetimed-client'

export async function signIn(onetime: Onetime, code: string): Promise<string | Reason> {
  const body: StartIn = { subject: 'account-17', to: 'ann@example.com', kind: 'code', client: { user_agent: 'Firefox' } }
  const { id, delivery } = await onetime.start('login', body, { timeout: 1000, idempotencyKey: 'a'.repeat(16) })
  if (delivery.state === 'none') return ''
  try {
    const proof: CheckOut = await onetime.check(id, { code }, { signal: AbortSignal.timeout(1000) })
    if (proof.undo) await onetime.undo(proof.undo)
    return proof.subject
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'code_mismatch') return `${error.attemptsLeft ?? 0}`
    if (error instanceof UndecidedError) return `${error.retryAfter}`
    if (error instanceof OnetimeError) return error.flaws.map((flaw) => flaw.pointer).join()
    throw error
  }
}

// @ts-expect-error a key is needed
new Onetime({ url: 'https://id.example.com' })

export function wrong(onetime: Onetime) {
  // @ts-expect-error start needs a subject
  void onetime.start('login', { to: 'ann@example.com' })
  // @ts-expect-error there is no such kind
  void onetime.start('login', { subject: 'ann', kind: 'codes' })
  // @ts-expect-error undo is not repeated
  void onetime.undo('undo', { idempotencyKey: 'a'.repeat(16) })
  // @ts-expect-error a check is awaited
  return onetime.check('id', { code: '123456' }).subject
}
