import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { inspect, promisify } from 'node:util'

import { Onetime, UndecidedError } from 'onetimed-client'
import { hostile, json, key, problem, started, yes } from './fixture.js'

const secure = { url: 'https://id.example.com', key }

test('a client shows no key', () => {
  const client = new Onetime(secure)
  for (const shown of [inspect(client, { depth: 9, showHidden: true }), JSON.stringify(client), String(client), Object.getOwnPropertyNames(client).join()]) {
    assert.ok(!shown.includes(key))
  }
})

test('settings that are wrong are refused, without their values', () => {
  for (const [settings, want] of [
    [undefined, /Onetime: want an object/],
    [{ ...secure, url: 'id.example.com/hunter2' }, /url: want a URL/],
    [{ ...secure, url: 'http://id.example.com' }, /url: want https/],
    [{ ...secure, url: 'http://127.0.0.1.example.com' }, /url: want https/],
    [{ ...secure, url: 'http://localhost.example.com' }, /url: want https/],
    [{ ...secure, url: 'ftp://localhost' }, /url: want https/],
    [{ ...secure, url: 'ftp://id.example.com', dangerouslyAllowHTTP: true }, /url: want https/],
    [{ ...secure, url: 'http://id.example.com', dangerouslyAllowHTTP: 'false' }, /url: want https/],
    [{ ...secure, url: 'https://hunter2@id.example.com' }, /url: want no user/],
    [{ ...secure, url: 'https://id.example.com?hunter2' }, /url: want no user/],
    [{ ...secure, key: 'hunter2' }, /key: want 16 to 512/],
    [{ ...secure, key: undefined }, /key: want 16 to 512/],
    ...['\n', '\r\nX-Evil: 1', '\0', ' ', 'ä', '\u2028'].map((end) => [{ ...secure, key: `hunter2-hunter2-hunter2${end}` }, /key: want 16 to 512/]),
    [{ ...secure, timeout: 0 }, /timeout: want 100 to 50000 ms/],
    [{ ...secure, timeout: NaN }, /timeout: want 100/],
    [{ ...secure, timeout: '1000' }, /timeout: want 100/],
    [{ ...secure, retries: 6 }, /retries: want 0 to 5/],
    [{ ...secure, retries: 0.5 }, /retries: want 0 to 5/],
    [{ ...secure, fetch: 'hunter2' }, /fetch: want a function/],
    [{ ...secure, timeOut: 1000 }, /Onetime: want no options but url, key, timeout/],
  ]) {
    assert.throws(() => new Onetime(settings), (error) => want.test(error.message) && !error.message.includes('hunter2'), inspect(settings))
  }
  for (const url of ['http://localhost:8080', 'http://127.0.0.1:1', 'http://[::1]:1', 'https://example.com/onetime/']) new Onetime({ url, key })
  new Onetime({ url: 'http://onetimed:8080', key, dangerouslyAllowHTTP: true })
})

test('a browser gets no client', () => {
  Object.assign(globalThis, { window: globalThis, document: {} })
  try {
    assert.throws(() => new Onetime(secure), /must not be in a browser/)
  } finally {
    delete globalThis.window
    delete globalThis.document
  }
})

test('values do not leave their place in path and headers', async () => {
  const server = await hostile((response) => json(response, 200, yes))
  const client = server.client()
  const evil = ['', '.', '..', '../admin', 'login/../admin', 'a?b', 'a#b', 'a%2e%2e', 'a b', 'a\r\nX-Evil: 1', 'a\n', 'a\0', 'ä', '\u2025', undefined, null, 7, {}, ['login']]
  for (const value of evil) {
    for (const call of [
      () => client.start(value, { subject: 'ann' }),
      () => client.checkService(value, { token: 'token' }),
      () => client.check(value, { code: '123456' }),
      () => client.resend(value),
      () => client.status(value),
      () => client.cancel(value),
      () => client.admin.erase(value, 'ann'),
      () => client.check('id', { code: '123456' }, { idempotencyKey: value ?? null }),
    ]) {
      await assert.rejects(call(), (error) => error instanceof TypeError && !error.message.includes('Evil'), inspect(value))
    }
  }
  await assert.rejects(client.check('i'.repeat(4097), { code: '1' }), TypeError)
  assert.equal(server.requests.length, 0)
})

test('what is undefined is refused, not left out, and options are known', async () => {
  const server = await hostile((response) => json(response, 200, yes))
  const client = server.client()
  await assert.rejects(client.checkService('login', { token: 'token', subject: undefined }), /checkService: subject is undefined/)
  await assert.rejects(client.start('login', { subject: 'ann', client: { user_agent: undefined } }), /user_agent is undefined/)
  await assert.rejects(client.undo(undefined), /undo is undefined/)
  await assert.rejects(client.introspect(undefined), TypeError)
  await assert.rejects(client.check('id', '123456'), /check: want an object/)
  await assert.rejects(client.check('id', { code: '1' }, { timeOut: 1 }), /want no options but timeout, signal, idempotencyKey/)
  await assert.rejects(client.undo('undo', { idempotencyKey: 'i'.repeat(16) }), /want no options but timeout, signal$/)
  await assert.rejects(client.undo('undo', { timeout: 1 }), RangeError)
  assert.equal(server.requests.length, 0)
})

test('a call is sent as the document has it', async () => {
  const server = await hostile((response) => json(response, 201, started))
  const body = { subject: 'ann', client: { user_agent: 'Firefox', known_browser: 'credential' } }
  await new Onetime({ url: `${server.url}/onetime/`, key }).start('login', body)
  const [request] = server.requests
  assert.equal(`${request.method} ${request.url}`, 'POST /onetime/v1/services/login/verifications')
  assert.equal(request.headers.authorization, `Bearer ${key}`)
  assert.equal(request.headers['content-type'], 'application/json')
  assert.deepEqual(JSON.parse(request.body), body)
})

/** What each call does, by how it may be sent again. */
const repeated = {
  start: (client) => client.start('login', { subject: 'ann' }),
  resend: (client) => client.resend('id'),
  check: (client) => client.check('id', { code: '123456' }),
  checkService: (client) => client.checkService('login', { token: 'token' }),
  status: (client) => client.status('id'),
  cancel: (client) => client.cancel('id'),
}
const single = {
  inspect: (client) => client.inspect({ service: 'login', token: 'token' }),
  undo: (client) => client.undo('undo'),
  introspect: (client) => client.introspect('token'),
  ...Object.fromEntries(['status', 'explain', 'revoke', 'unlock', 'erase'].map((name) => [`admin.${name}`, (client) => client.admin[name]('login', 'ann')])),
}
const undecided = (response) => json(response, 503, problem(503, 'undecided'))
const cut = (response) => response.socket.destroy()

for (const [name, call] of Object.entries(repeated)) {
  test(`${name} is sent again, as one request`, async () => {
    for (const answer of [undecided, cut, (response) => response.writeHead(502).end()]) {
      const server = await hostile(answer)
      await assert.rejects(call(server.client()), UndecidedError)
      assert.equal(server.requests.length, 3)
      const keys = new Set(server.requests.map((each) => each.headers['idempotency-key']))
      assert.equal(keys.size, 1)
      const [first] = keys
      if (name === 'status' || name === 'cancel') assert.equal(first, undefined)
      else assert.match(first, /^[0-9a-f]{64}$/)
      assert.equal(new Set(server.requests.map((each) => each.body)).size, 1)
      await assert.rejects(call(server.client({ retries: 0 })), UndecidedError)
      assert.equal(server.requests.length, 4, 'retries: 0')
      if (first) assert.notEqual(server.requests[3].headers['idempotency-key'], first, 'another call is another request')
    }
  })
}

for (const [name, call] of Object.entries(single)) {
  test(`${name} is not sent again`, async () => {
    for (const answer of [undecided, cut]) {
      const server = await hostile(answer)
      await assert.rejects(call(server.client({ retries: 5 })), UndecidedError)
      assert.equal(server.requests.length, 1)
      assert.equal(server.requests[0].headers['idempotency-key'], undefined)
    }
  })
}

test('a lost answer is followed by the yes', async () => {
  const server = await hostile((response, n) => (n === 1 ? cut(response) : n === 2 ? undecided(response) : json(response, 200, { ...yes, repeated: true })))
  assert.equal((await repeated.check(server.client())).repeated, true)
})

test('a refusal, what is no answer of onetimed, and missing keys are not asked again', async () => {
  for (const answer of [
    (response) => json(response, 429, problem(429, 'codes_locked', { retry_after: 1 }), { 'retry-after': '1' }),
    (response) => json(response, 503, problem(503, 'no_signing_keys')),
    (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>'),
  ]) {
    const server = await hostile(answer)
    await assert.rejects(repeated.check(server.client()))
    assert.equal(server.requests.length, 1)
  }
})

test('Retry-After is waited for, as problem or as header of a proxy', async () => {
  for (const first of [(response) => json(response, 503, problem(503, 'undecided', { retry_after: 1 })), (response) => response.writeHead(503, { 'retry-after': '1' }).end()]) {
    const at = []
    const server = await hostile((response, n) => {
      at.push(performance.now())
      if (n === 1) first(response)
      else json(response, 200, yes)
    })
    await repeated.check(server.client())
    assert.ok(at[1] - at[0] > 990)
  }
})

test('a wait beyond the time of the call ends it', async () => {
  const server = await hostile((response) => json(response, 503, problem(503, 'undecided', { retry_after: 3600 })))
  await assert.rejects(repeated.check(server.client()), (error) => error instanceof UndecidedError && error.retryAfter === 3600)
  assert.equal(server.requests.length, 1)
})

test('an attempt that hangs leaves time for another', async () => {
  const server = await hostile((response, n) => n > 1 && json(response, 200, yes))
  assert.equal((await repeated.check(server.client({ timeout: 8000, retries: 1 }))).subject, yes.subject)
  assert.equal(server.requests.length, 2)
})

const hanging = {
  'before the head': () => {},
  'in the head': (response) => response.socket.write('HTTP/1.1 200 OK\r\ncontent-type: app'),
  'in the body': (response) => response.writeHead(200, { 'content-type': 'application/json', 'content-length': 500 }).write('{'),
}

for (const [name, answer] of Object.entries(hanging)) {
  test(`a server that hangs ${name} is left at the time-out, and at an abort`, async () => {
    const late = await hostile(answer)
    await assert.rejects(single.undo(late.client({ timeout: 200 })), (error) => error instanceof UndecidedError && error.code === 'timeout')
    const server = await hostile(answer)
    const controller = new AbortController()
    const call = server.client().undo('undo', { signal: controller.signal })
    await server.arrived()
    const reason = new Error('the person left')
    controller.abort(reason)
    await assert.rejects(call, (error) => error === reason)
    for (const { sockets } of [late, server]) {
      while (sockets.size > 0) await once([...sockets][0], 'close')
    }
  })
}

test('a server that drips is left at the time-out', async () => {
  const server = await hostile((response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    const timer = setInterval(() => response.write(' '), 20)
    response.on('close', () => clearInterval(timer))
  })
  await assert.rejects(single.undo(server.client({ timeout: 500 })), (error) => error instanceof UndecidedError && error.code === 'timeout')
})

test('an abort ends a call that waits for its next attempt, and one that has not begun', async () => {
  const server = await hostile((response) => json(response, 503, problem(503, 'undecided', { retry_after: 10 })))
  const controller = new AbortController()
  const call = server.client().check('id', { code: '123456' }, { signal: controller.signal })
  await server.arrived()
  setTimeout(() => controller.abort(), 200)
  await assert.rejects(call, { name: 'AbortError' })
  await assert.rejects(server.client().check('id', { code: '123456' }, { signal: controller.signal }), { name: 'AbortError' })
  assert.equal(server.requests.length, 1)
})

test('a fetch that does not listen to its signal is left, too', async () => {
  const deaf = new Onetime({ ...secure, timeout: 200, fetch: () => new Promise(() => {}) })
  await assert.rejects(deaf.undo('undo'), (error) => error.code === 'timeout')
})

test('no listener stays at a signal', async () => {
  const server = await hostile((response, n) => (n % 2 ? undecided(response) : json(response, 200, yes)))
  let listeners = 0
  const { signal } = new AbortController()
  for (const [method, by] of [['addEventListener', 1], ['removeEventListener', -1]]) {
    const original = signal[method].bind(signal)
    signal[method] = (type, listener, options) => {
      listeners += by
      original(type, listener, options)
    }
  }
  await server.client().check('id', { code: '123456' }, { signal })
  assert.equal(listeners, 0)
})

test('a call leaves no timer and no promise behind: after a yes, a time-out and an abort', async () => {
  const hanging = await hostile(() => {})
  const busy = await hostile((response) => json(response, 503, problem(503, 'undecided', { retry_after: 10 })))
  const good = await hostile((response) => response.writeHead(204).end())
  const script = `
    import { Onetime } from 'onetimed-client'
    process.on('unhandledRejection', () => process.exit(3))
    const to = (url) => new Onetime({ url, key: '${key}', timeout: 50_000 })
    const said = []
    const fails = (call) => call.catch((error) => said.push(error.code === 23 ? error.name : error.code))
    await fails(to('${hanging.url}').undo('undo', { timeout: 200 }))
    await fails(to('${hanging.url}').check('id', { code: '1' }, { timeout: 400 }))
    await fails(to('${hanging.url}').check('id', { code: '1' }, { signal: AbortSignal.timeout(200) }))
    await fails(to('${busy.url}').check('id', { code: '1' }, { signal: AbortSignal.timeout(2000) }))
    await to('${good.url}').undo('undo')
    said.push(process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length)
    console.log(said.join())`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)), timeout: 60_000,
  })
  assert.equal(stdout, 'timeout,timeout,TimeoutError,TimeoutError,0\n')
})
