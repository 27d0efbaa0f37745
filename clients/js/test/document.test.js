import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import * as main from 'onetimed-client'

const document = JSON.parse(readFileSync(new URL('../../../onetimed/openapi.json', import.meta.url), 'utf8'))

test('there is a method for each call that wants a key', () => {
  const onetime = new main.Onetime({ url: 'https://id.example.com', key: 'k'.repeat(16) })
  const calls = Object.values(document.paths).flatMap((methods) => Object.values(methods)).filter((call) => call.security?.some((each) => each.key))
  assert.ok(calls.length >= 14)
  for (const { operationId } of calls) {
    const admin = /^admin-(.*)/.exec(operationId)
    const name = operationId.replace(/-(.)/g, (_, letter) => letter.toUpperCase())
    assert.equal(typeof (admin ? onetime.admin[admin[1]] : onetime[name]), 'function', operationId)
  }
})

test('what is exported is what is declared', () => {
  assert.deepEqual(Object.keys(main).sort(), ['Onetime', 'OnetimeError', 'RefusedError', 'UndecidedError'])
})
