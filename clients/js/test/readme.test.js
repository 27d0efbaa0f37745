import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath, pathToFileURL } from 'node:url'

import { key, raw, serve } from './fixture.js'

const { url, message } = await serve()
process.env.ONETIMED_URL = url
process.env.ONETIMED_KEY = key

const [signIn, route] = readFileSync(new URL('../README.md', import.meta.url), 'utf8').match(/(?<=^```js\n)[^]*?(?=^```$)/gm)

// An application that has installed the client.
const application = mkdtempSync(join(tmpdir(), 'application-'))
after(() => rmSync(application, { recursive: true }))
mkdirSync(join(application, 'node_modules'))
symlinkSync(fileURLToPath(new URL('..', import.meta.url)), join(application, 'node_modules', 'onetimed-client'))

function load(name, text) {
  const path = join(application, name)
  writeFileSync(path, text)
  return import(pathToFileURL(path).href)
}

writeFileSync(join(application, 'package.json'), '{"type":"module"}')
writeFileSync(join(application, 'accounts.js'), `
export const findAccount = async (email) => (email === 'ann@example.com' ? { id: 'account-17', email: 'Ann@example.com' } : undefined)
export const openSession = async (subject) => 'session=' + subject
`)

test('the sign-in of the README has less than 20 lines and signs a person in', async () => {
  assert.ok(signIn.trim().split('\n').length < 20)
  const { sendCode, signIn: enter } = await load('sign-in.js', signIn)
  const session = {}
  await sendCode(session, 'bob@example.com', { id: 'account-18', email: 'robert@example.com' })
  const { code } = await message('robert@example.com')
  assert.equal(await enter(session, code === '000000' ? '000001' : '000000'), null)
  assert.equal(await enter(session, code), 'account-18')
  assert.equal(await enter(session, code), null)
  await sendCode(session, 'eve@example.com', undefined)
  assert.equal(await enter(session, '000000'), null)
})

test('the sign-in of the README takes no answer for no yes', async () => {
  process.env.ONETIMED_URL = (await raw((socket) => socket.end())).url
  try {
    const { signIn: enter } = await load('sign-in-nowhere.js', signIn)
    await assert.rejects(enter({ verification: 'id' }, '123456'), { name: 'UndecidedError' })
  } finally {
    process.env.ONETIMED_URL = url
  }
})

test('the route of the README signs a person in', async () => {
  const { POST, PUT } = await load('route.js', route)
  const request = (method, body, headers = {}) => new Request('https://example.com/api/sign-in', {
    method, body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers },
  })
  const sent = await POST(request('POST', { email: 'ann@example.com' }))
  assert.equal(sent.status, 200)
  assert.match(sent.headers.get('set-cookie'), /^__Host-sign-in=[\w-]+; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=600$/)
  const cookie = `other=1; ${sent.headers.get('set-cookie').split(';')[0]}`
  const { code } = await message('ann@example.com')

  const wrong = await PUT(request('PUT', { code: code === '000000' ? '000001' : '000000' }, { cookie }))
  assert.equal(wrong.status, 422)
  assert.deepEqual(await wrong.json(), { code: 'code_mismatch' })
  for (const headers of [{}, { cookie: 'other=1' }, { cookie: 'x__Host-sign-in=id' }]) {
    assert.deepEqual(await (await PUT(request('PUT', { code }, headers))).json(), { code: 'not_found' })
  }
  assert.equal((await PUT(request('PUT', { code }, { cookie, 'content-type': 'text/plain' }))).status, 415)
  const right = await PUT(request('PUT', { code }, { cookie }))
  assert.equal(right.headers.get('set-cookie'), 'session=account-17')
  assert.equal((await PUT(request('PUT', { code }, { cookie }))).status, 422)

  const decoy = await POST(request('POST', { email: 'eve@example.com' }))
  assert.equal(decoy.status, 200)
  const eve = { cookie: decoy.headers.get('set-cookie').split(';')[0] }
  assert.equal((await PUT(request('PUT', { code: '000000' }, eve))).status, 422)

  process.env.ONETIMED_KEY = 'no-key-of-any-caller'
  const refused = await POST(request('POST', { email: 'ann@example.com' }))
  process.env.ONETIMED_KEY = key
  assert.equal(refused.headers.get('set-cookie'), null)
  process.env.ONETIMED_URL = (await raw((socket) => socket.end())).url
  const undecided = await PUT(request('PUT', { code }, { cookie }))
  assert.equal(undecided.status, 503)
  assert.equal(undecided.headers.get('set-cookie'), null)
})
