import { execFileSync, spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'

import { Onetime } from 'onetimed-client'

/** The key of a caller that may do all, and of one that may start only: testdata/onetimed.json has their digests. */
export const key = 'a-key-of-the-clients-tests-that-may-do-all'
export const startingKey = 'a-key-of-the-clients-tests-that-only-starts'

const repository = fileURLToPath(new URL('../../../', import.meta.url))

/** Runs onetimed for the tests of a file, on a port that is free. TESTED_SERVER is the program; it is built if not set. */
export async function serve() {
  let program = process.env.TESTED_SERVER
  if (!program) {
    program = join(mkdtempSync(join(tmpdir(), 'onetimed-')), 'onetimed')
    execFileSync('go', ['build', '-o', program, './onetimed'], { cwd: repository, stdio: 'inherit' })
  }
  const args = [`--config=${join(repository, 'clients/testdata/onetimed.json')}`, '--listen=127.0.0.1:0', '--monitor-listen=off']
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(server, 'exit')
  after(async () => {
    server.kill('SIGTERM')
    await ended
  })
  const said = []
  server.stderr.on('data', (data) => said.push(String(data)))
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: server.stdout }).on('line', (line) => {
      said.push(line)
      const found = /Try the commands on (http:\S+)\//.exec(line)
      if (found) resolve(found[1])
    })
    server.on('exit', () => reject(new Error(said.join('\n'))))
  })
  return { url, onetime: new Onetime({ url, key }), message: (to) => message(url, to) }
}

/** Takes the next message to an address out of the inbox of development. */
async function message(url, to) {
  const response = await fetch(`${url}/inbox.json`, { method: 'POST', body: new URLSearchParams({ to }) })
  if (response.status !== 200) throw new Error(`inbox: ${response.status}`)
  return response.json()
}

/** Runs a server of HTTP that answers as it is told, and keeps the requests that it got. */
export async function hostile(answer) {
  const requests = []
  const events = new EventEmitter()
  const server = http.createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    requests.push({ method: request.method, url: request.url, headers: request.headers, body })
    events.emit('request')
    answer(response, requests.length, request)
  })
  const arrived = async () => requests.length > 0 || once(events, 'request')
  return { ...(await listen(server)), requests, arrived }
}

/** Runs a server that writes bytes. */
export async function raw(answer) {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  return listen(server)
}

async function listen(server) {
  const sockets = new Set()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const url = `http://127.0.0.1:${server.address().port}`
  return { url, server, sockets, client: (settings) => new Onetime({ url, key, ...settings }) }
}

/** Answers with JSON. */
export function json(response, status, body, headers = {}) {
  response.writeHead(status, { 'content-type': status < 400 ? 'application/json' : 'application/problem+json', ...headers })
  response.end(JSON.stringify(body))
}

/** A problem as onetimed has it. */
export function problem(status, reason, more = {}) {
  return { type: 'about:blank', title: 'Title', status, detail: 'Detail.', reason, request_id: 'request-1', ...more }
}

/** The answer to a right code. */
export const yes = { subject: 'ann@example.com', purpose: 'login', kind: 'otp', issued_at: '2026-01-02T03:04:05.678901Z', undo: 'undo' }

/** The answer to a start. */
export const started = { id: 'id', expires_in: 300, resend_in: 30, delivery: { channel: 'mail', state: 'queued' } }
