import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { gzipSync } from 'node:zlib'

import { OnetimeError, RefusedError, UndecidedError } from 'onetimed-client'
import { hostile, json, key, problem, raw, started, yes } from './fixture.js'

const once = { retries: 0 }

/** Fails a call, looks whether its error holds what it must not, and returns it. */
async function fails(call) {
  const error = await call.then(() => assert.fail('it was taken as a yes'), (error) => error)
  const shown = [error.message, error.stack, JSON.stringify(error), inspect(error, { depth: 9, showHidden: true })].join('\n')
  assert.ok(!shown.includes(key), 'the key is shown')
  assert.ok(!shown.includes('4711'), 'the code is shown')
  return error
}

const check = (server) => server.client(once).check('id', { code: '4711' })
const send = (status, type, body) => (response) => {
  response.writeHead(status, type ? { 'content-type': type } : {})
  response.end(body)
}
const said = JSON.stringify

const noYes = {
  'HTML with 200': send(200, 'text/html', '<h1>Log in to the network</h1>'),
  'a yes as HTML': send(200, 'text/html', said(yes)),
  'a yes without a type': send(200, undefined, said(yes)),
  'a yes of two types': send(200, 'application/json, text/html', said(yes)),
  'a yes in another charset': send(200, 'application/json; charset=utf-16', said(yes)),
  'a yes in two charsets': send(200, 'application/json; charset=utf-8; charset=utf-16', said(yes)),
  'truncated JSON': send(200, 'application/json', said(yes).slice(0, -1)),
  'JSON and more': send(200, 'application/json', said(yes) + said(yes)),
  'JSON behind a byte order mark': send(200, 'application/json', '\ufeff' + said(yes)),
  'no UTF-8': send(200, 'application/json', Buffer.from(said({ ...yes, subject: 'ä' }), 'latin1')),
  'nothing': send(200, 'application/json', ''),
  'null': send(200, 'application/json', 'null'),
  'true': send(200, 'application/json', 'true'),
  'a list': send(200, 'application/json', said([yes])),
  'an empty object': send(200, 'application/json', '{}'),
  'nested too deeply': send(200, 'application/json', '['.repeat(100_000)),
  'a problem with 200': send(200, 'application/problem+json', said(problem(200, 'code_mismatch'))),
  'a problem as JSON with 200': send(200, 'application/json', said(problem(422, 'code_mismatch'))),
  'a yes as a problem': send(200, 'application/problem+json', said(yes)),
  'no subject': send(200, 'application/json', said({ ...yes, subject: undefined })),
  'a subject that is null': send(200, 'application/json', said({ ...yes, subject: null })),
  'a subject that is a number': send(200, 'application/json', said({ ...yes, subject: 7 })),
  'a subject of the prototype': send(200, 'application/json', said({ ...yes, subject: undefined }).replace('{', '{"__proto__":{"subject":"ann"},')),
  'a flag that is a text': send(200, 'application/json', said({ ...yes, fixed_code: 'false' })),
  'an undo that is null': send(200, 'application/json', said({ ...yes, undo: null })),
  ...Object.fromEntries([201, 202, 203, 206, 300, 400, 404, 422, 500, 503].map((status) => [`a yes with ${status}`, send(status, 'application/json', said(yes))])),
  'no content': send(204),
  'HTML with 404': send(404, 'text/html', '<h1>Not found</h1>'),
  'HTML with 502': send(502, 'text/html', '<h1>Bad gateway</h1>'),
  'a problem as JSON with 422': send(422, 'application/json', said(problem(422, 'code_mismatch'))),
  'a problem of another status': send(422, 'application/problem+json', said(problem(409, 'used'))),
  'a problem without a reason': send(422, 'application/problem+json', said({ ...problem(422), reason: undefined })),
  'a reason that is none': send(422, 'application/problem+json', said(problem(422, 'code\r\nmismatch'))),
}

for (const [name, answer] of Object.entries(noYes)) {
  test(`no yes and no refusal: ${name}`, async () => {
    const error = await fails(check(await hostile(answer)))
    assert.ok(error instanceof UndecidedError && error instanceof OnetimeError && !(error instanceof RefusedError))
    assert.equal(error.name, 'UndecidedError')
    assert.equal(error.code, 'bad_answer')
    assert.equal(typeof error.status, 'number')
  })
}

test('no yes: of a call whose yes is 204', async () => {
  for (const answer of [send(200, 'application/json', '{}'), send(200), send(202), send(205), (response) => json(response, 201, yes)]) {
    const server = await hostile(answer)
    const client = server.client(once)
    for (const call of [() => client.undo('undo'), () => client.cancel('id'), () => client.admin.erase('login', 'ann')]) {
      assert.equal((await fails(call())).code, 'bad_answer')
    }
  }
})

test('no yes: an access token that is active as a text', async () => {
  const server = await hostile((response) => json(response, 200, { active: 'false' }))
  assert.equal((await fails(server.client().introspect('token'))).code, 'bad_answer')
})

test('no redirect is followed, and the key goes nowhere else', async () => {
  const elsewhere = await hostile((response) => json(response, 200, yes))
  for (const status of [301, 302, 303, 307, 308]) {
    const server = await hostile((response) => {
      response.writeHead(status, { location: elsewhere.url })
      response.end()
    })
    const error = await fails(check(server))
    assert.ok(error instanceof UndecidedError)
    assert.equal(error.status, status)
  }
  assert.equal(elsewhere.requests.length, 0)
})

test('members that are not known are passed on', async () => {
  const server = await hostile((response) => json(response, 200, { ...yes, known_browser: 'credential' }))
  assert.deepEqual(await check(server), { ...yes, known_browser: 'credential' })
})

test('a yes is one with a charset, too', async () => {
  assert.equal((await check(await hostile(send(200, 'Application/JSON; charset=UTF-8', said(yes))))).subject, yes.subject)
})

const head = 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n'
const lost = {
  'no answer': (socket) => socket.end(),
  'a reset': (socket) => socket.resetAndDestroy(),
  'no HTTP': (socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'),
  'a head that ends': (socket) => socket.end(head),
  'a body shorter than its length': (socket) => socket.end(`${head}content-length: 5000\r\n\r\n${said(yes)}`),
  'chunks without an end': (socket) => socket.end(`${head}transfer-encoding: chunked\r\n\r\n${said(yes).length.toString(16)}\r\n${said(yes)}\r\n`),
  'two lengths': (socket) => socket.end(`${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{} `),
  'headers without an end': (socket) => {
    socket.write(head)
    const write = () => { while (socket.writable && socket.write(`x-more: ${'x'.repeat(1000)}\r\n`)); }
    socket.on('drain', write)
    write()
  },
}

for (const [name, answer] of Object.entries(lost)) {
  test(`no yes: ${name}`, async () => {
    const error = await fails(check(await raw(answer)))
    assert.ok(error instanceof UndecidedError)
    assert.equal(error.code, 'connection')
    assert.equal(error.status, undefined)
  })
}

test('no yes: nobody listens', async () => {
  const server = await raw(() => {})
  server.server.close()
  const error = await fails(check(server))
  assert.equal(error.code, 'connection')
  assert.match(error.message, /\(ECONNREFUSED\)$/)
})

test('an answer without an end is read to a bound', async () => {
  const blank = Buffer.alloc(1 << 16, ' ')
  let socket
  const server = await hostile((response) => {
    socket = response.socket
    response.writeHead(200, { 'content-type': 'application/json' })
    const write = () => { while (!response.destroyed && response.write(blank)); }
    response.on('drain', write)
    write()
  })
  const error = await fails(check(server))
  assert.equal(error.code, 'bad_answer')
  if (!socket.closed) await new Promise((resolve) => socket.on('close', resolve))
  assert.ok(socket.bytesWritten < 64 << 20)
})

test('an answer that unpacks without an end is read to a bound', async () => {
  const bomb = gzipSync(Buffer.alloc(64 << 20, ' '))
  const server = await hostile((response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    response.end(bomb)
  })
  assert.equal((await fails(check(server))).code, 'bad_answer')
})

test('a refusal tells what the server knows', async () => {
  const server = await hostile((response) => json(response, 422, problem(422, 'code_mismatch', { attempts_left: 0, retry_after: 9 })))
  const error = await fails(check(server))
  assert.ok(error instanceof RefusedError && error instanceof OnetimeError && !(error instanceof UndecidedError))
  assert.equal(error.message, 'onetimed: check: code_mismatch')
  const { code, status, attemptsLeft, retryAfter, requestId } = error
  assert.deepEqual({ code, status, attemptsLeft, retryAfter, requestId }, { code: 'code_mismatch', status: 422, attemptsLeft: 0, retryAfter: 9, requestId: 'request-1' })
})

test('a reason of a newer server is passed on, and 5xx is undecided whatever it says', async () => {
  for (const [status, kind] of [[418, RefusedError], [500, UndecidedError], [503, UndecidedError]]) {
    const error = await fails(check(await hostile((response) => json(response, status, problem(status, 'of_tomorrow')))))
    assert.ok(error instanceof kind)
    assert.equal(error.code, 'of_tomorrow')
  }
})

test('what a server reflects or makes up is not shown', async () => {
  const flaws = [null, 7, { pointer: '#/a', detail: key }, { pointer: `#/${key}`, detail: 'a' }, { pointer: '#/b', detail: 'two\nlines' }, { pointer: '#/c', detail: 'want c' }]
  const more = { request_id: key, attempts_left: -1, retry_after: 'soon', errors: flaws, title: key, detail: key, key }
  const error = await fails(check(await hostile((response) => json(response, 422, problem(422, 'invalid', more)))))
  assert.equal(error.requestId, undefined)
  assert.equal(error.attemptsLeft, undefined)
  assert.equal(error.retryAfter, undefined)
  assert.deepEqual(error.flaws, [{ pointer: '#/c', detail: 'want c' }])
  assert.equal(error.message, 'onetimed: check: invalid; #/c: want c')
  const odd = await fails(check(await hostile((response, _, request) => {
    response.writeHead(422, request.headers.authorization, { 'content-type': 'text/plain', [key]: key })
    response.end(request.headers.authorization)
  })))
  assert.equal(odd.code, 'bad_answer')
})

test('start wants all that it promises', async () => {
  for (const wrong of [{ ...started, delivery: {} }, { ...started, expires_in: 1.5 }, { ...started, expires_in: '300' }, { ...started, id: undefined }]) {
    const server = await hostile((response) => json(response, 201, wrong))
    assert.equal((await fails(server.client(once).start('login', { subject: 'ann' }))).code, 'bad_answer')
  }
})
