import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Onetime, RefusedError, UndecidedError } from 'onetimed-client'
import { key, serve, startingKey } from './fixture.js'

const { url, onetime, message } = await serve()

const refused = (code, status, more = {}) => (error) => {
  assert.ok(error instanceof RefusedError, error)
  assert.ok(!(error instanceof UndecidedError))
  assert.deepEqual({ code: error.code, status: error.status }, { code, status })
  assert.match(error.requestId, /^[A-Za-z0-9._-]+$/)
  for (const [member, value] of Object.entries(more)) assert.deepEqual(error[member], value)
  return true
}

const wrong = (code, by = 1) => String((Number(code) + by) % 1e6).padStart(6, '0')

test('a code is sent, resent, checked once, given back and checked again', async () => {
  const first = await onetime.start('login', { subject: 'flow@example.com', locale: 'de', payload: 'basket 7' })
  assert.deepEqual(first.delivery, { channel: 'mail', state: 'queued' })
  assert.ok(first.expires_in > 0)
  await message('flow@example.com')
  assert.equal((await onetime.status(first.id)).state, 'pending')
  const { id } = await onetime.resend(first.id, { payload: 'basket 8' })
  const { code } = await message('flow@example.com')
  await assert.rejects(onetime.check(first.id, { code }), refused('not_found', 404))
  await assert.rejects(onetime.check(id, { code: wrong(code) }), refused('code_mismatch', 422, { attemptsLeft: 3 }), 'the try at the old id counts, too')
  const proof = await onetime.check(id, { code })
  assert.equal(proof.subject, 'flow@example.com')
  assert.equal(proof.payload, 'basket 8')
  assert.equal((await onetime.status(id)).state, 'used')
  await assert.rejects(onetime.check(id, { code }), refused('used', 409))
  assert.equal(await onetime.undo(proof.undo), undefined)
  assert.equal((await onetime.check(id, { code })).subject, 'flow@example.com')
})

test('the token of a link is inspected, then checked', async () => {
  await onetime.start('login', { subject: 'link@example.com', kind: 'link' })
  const token = new URL((await message('link@example.com')).url).searchParams.get('token')
  assert.equal((await onetime.inspect({ service: 'login', token })).subject, 'link@example.com')
  await assert.rejects(onetime.checkService('login', { token, subject: 'eve@example.com' }), refused('subject_mismatch', 422))
  assert.equal((await onetime.checkService('login', { token })).kind, 'token')
  await assert.rejects(onetime.inspect({ service: 'login', token }), refused('used', 409))
})

test('a code is checked by subject, request and binding', async () => {
  const bound = { request: 'a request of 16 or more', binding: 'the session of a browser' }
  await onetime.start('login', { subject: 'bound@example.com', ...bound })
  const { code } = await message('bound@example.com')
  const check = { subject: 'bound@example.com', code }
  await assert.rejects(onetime.checkService('login', { ...check, request: bound.request, binding: 'that of another browser' }), refused('not_found', 404))
  assert.equal((await onetime.checkService('login', { ...check, ...bound })).subject, 'bound@example.com')
  const { id } = await onetime.start('login', { subject: 'bound@example.com', binding: bound.binding })
  const next = await message('bound@example.com')
  await assert.rejects(onetime.check(id, { code: next.code }), refused('binding_mismatch', 422))
  await onetime.check(id, { code: next.code, binding: bound.binding })
})

test('what makes a browser known is carried from one sign-in to the next', async () => {
  let browser = ''
  for (let i = 0; i < 2; i++) {
    const { id } = await onetime.start('login', { subject: 'known@example.com', client: { known_browser: browser } })
    browser = (await onetime.check(id, { code: (await message('known@example.com')).code })).known_browser
    assert.match(browser, /^[A-Za-z0-9_-]{28}$/)
  }
  const bound = { request: 'a request of 16 or more', binding: 'the session of a browser' }
  await onetime.start('login', { subject: 'known@example.com', ...bound, client: { known_browser: browser } })
  const check = { subject: 'known@example.com', code: (await message('known@example.com')).code, request: bound.request, known_browser: browser }
  await assert.rejects(onetime.checkService('login', check), refused('invalid', 422))
  assert.equal((await onetime.checkService('login', { ...check, binding: bound.binding, known_since: 1 })).subject, 'known@example.com')
})

test('the channel none gives the secrets to the caller', async () => {
  const both = await onetime.start('login', { subject: 'account-1', channel: 'none', kind: 'both' })
  assert.match(both.url, /^https:\/\/example\.com\/link\?/)
  assert.equal((await onetime.check(both.id, { code: both.code })).kind, 'otp')
  const { token } = await onetime.start('login', { subject: 'account-2', channel: 'none', kind: 'token' })
  assert.equal((await onetime.checkService('login', { token })).subject, 'account-2')
})

test('a decoy is answered alike and verifies never', async () => {
  const real = await onetime.start('login', { subject: 'real@example.com' })
  const decoy = await onetime.start('login', { subject: 'nobody@example.com', decoy: true })
  assert.deepEqual(Object.keys(decoy), Object.keys(real))
  assert.deepEqual(decoy.delivery, real.delivery)
  await assert.rejects(onetime.check(decoy.id, { code: '000000' }), refused('code_mismatch', 422, { attemptsLeft: 4 }))
})

test('what is cancelled verifies no more', async () => {
  const { id, code } = await onetime.start('login', { subject: 'account-3', channel: 'none' })
  assert.equal(await onetime.cancel(id), undefined)
  await onetime.cancel(id)
  await assert.rejects(onetime.check(id, { code }), refused('not_found', 404))
})

test('an access token is introspected, and there is no undo beside it', async () => {
  const { id, code } = await onetime.start('orders', { subject: 'account-4', channel: 'none' })
  const proof = await onetime.check(id, { code })
  assert.equal(proof.undo, undefined)
  const said = await onetime.introspect(proof.access_token)
  assert.equal(said.active, true)
  assert.equal(said.sub, 'account-4')
  assert.equal(said.aud, 'shop')
  assert.deepEqual(await onetime.introspect(proof.access_token.slice(0, -9) + 'AAAAAAAAA'), { active: false })
})

test('one Idempotency-Key makes one of two starts and of two checks', async () => {
  const idempotencyKey = 'the-key-of-one-request'
  const first = await onetime.start('login', { subject: 'again@example.com' }, { idempotencyKey })
  const second = await onetime.start('login', { subject: 'again@example.com' }, { idempotencyKey })
  assert.equal(first.repeated, undefined)
  assert.equal(second.repeated, true)
  const { code } = await message('again@example.com')
  await onetime.check(first.id, { code }, { idempotencyKey })
  assert.equal((await onetime.check(first.id, { code }, { idempotencyKey })).repeated, true)
  await assert.rejects(onetime.check(first.id, { code }), refused('used', 409), 'a key of its own for each call')
})

test('limits and exhaustion tell how long and how often', async () => {
  const { id } = await onetime.start('strict', { subject: 'strict@example.com' })
  const { code } = await message('strict@example.com')
  await assert.rejects(onetime.start('strict', { subject: 'strict@example.com' }), (error) => {
    refused('sends_throttled', 429)(error)
    return error.retryAfter > 500 && error.retryAfter <= 600
  })
  for (const attemptsLeft of [1, 0]) await assert.rejects(onetime.check(id, { code: wrong(code, 1 + attemptsLeft) }), refused('code_mismatch', 422, { attemptsLeft }))
  await assert.rejects(onetime.check(id, { code }), refused('attempts_exhausted', 410))
})

test('support sees, explains, unlocks, revokes and erases', async () => {
  const subject = 'helped@example.com'
  const { id, code } = await onetime.start('login', { subject, channel: 'none' })
  await assert.rejects(onetime.check(id, { code: wrong(code) }), refused('code_mismatch', 422))
  const known = await onetime.admin.status('login', subject)
  assert.equal(known.strangers.failures, 1)
  assert.equal(known.pending.length, 1)
  assert.match((await onetime.admin.explain('login', subject)).sentence, /\.$/)
  await onetime.admin.unlock('login', subject)
  assert.equal((await onetime.admin.status('login', subject)).strangers.failures, 0)
  await onetime.admin.revoke('login', subject)
  await assert.rejects(onetime.check(id, { code }), refused('not_found', 404))
  await onetime.admin.erase('login', subject)
})

test('a wrong key, a missing scope and a bad member are refused, and say which', async () => {
  await assert.rejects(new Onetime({ url, key: 'a key that no caller has'.replaceAll(' ', '-') }).status('id'), refused('unauthorized', 401))
  const starter = new Onetime({ url, key: startingKey })
  const { id } = await starter.start('login', { subject: 'starter@example.com' })
  await assert.rejects(starter.check(id, { code: '123456' }), refused('forbidden', 403))
  await assert.rejects(starter.admin.status('login', 'ann'), refused('forbidden', 403))
  await assert.rejects(onetime.start('login', { subject: '' }), (error) => {
    refused('invalid', 422)(error)
    assert.equal(error.flaws[0].pointer, '#/subject')
    return error.message.startsWith('onetimed: start: invalid; #/subject: ')
  })
  await assert.rejects(onetime.start('login', { subject: 'ann', subjects: 'bob' }), refused('bad_request', 400))
  assert.ok(key)
})
