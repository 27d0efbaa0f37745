// Writes what the clients know of the API from its document, onetimed/openapi.json; with --check compares instead.
import { readFileSync, writeFileSync } from 'node:fs'

const document = JSON.parse(readFileSync(new URL('../onetimed/openapi.json', import.meta.url), 'utf8'))
const note = 'Generated from onetimed/openapi.json by clients/generate.mjs.'
const width = 118

// What identifies people or is as good as a key stays out of the repr of Python's answers.
const hidden = new Set(['id', 'subject', 'sub', 'code', 'url', 'token', 'undo', 'payload', 'payload_base64', 'access_token', 'known_browser'])

// The schemas, sorted; answers are those that the clients read and check.
const schemas = Object.entries(document.components.schemas).sort(([a], [b]) => (a < b ? -1 : 1))
const isInput = (schema) => schema.additionalProperties === false
const answers = schemas.filter(([name, schema]) => !isInput(schema) && name !== 'Problem')

// The calls that want the key of a caller.
const calls = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, call]) => call.security?.some((each) => each.key))
    .map(([method, call]) => describe(path, method.toUpperCase(), call)),
).sort((a, b) => (a.id < b.id ? -1 : 1))

function describe(path, method, call) {
  const yes = Object.keys(call.responses).filter((status) => status < 300)
  if (yes.length !== 1) throw new Error(`${call.operationId}: want one status that means yes`)
  const header = call.parameters.some((each) => each.name === 'Idempotency-Key')
  return {
    id: call.operationId.replace(/-(.)/g, (_, letter) => letter.toUpperCase()),
    method,
    path,
    status: Number(yes[0]),
    answer: call.responses[yes[0]].content ? name(call.responses[yes[0]].content['application/json'].schema) : null,
    form: Boolean(call.requestBody?.content['application/x-www-form-urlencoded']),
    retry: header ? 'key' : method === 'GET' || method === 'DELETE' ? 'plain' : 'never',
  }
}

function name(schema) {
  return schema.$ref.split('/').pop()
}

// pattern returns that of a parameter, the same wherever it occurs.
function pattern(parameter) {
  const found = new Set(Object.values(document.paths).flatMap((methods) => Object.values(methods))
    .flatMap((call) => call.parameters).filter((each) => each.name === parameter && each.in !== 'query').map((each) => each.schema.pattern))
  if (found.size !== 1) throw new Error(`${parameter}: want one pattern`)
  return [...found][0]
}

const parameters = { service: pattern('service'), id: pattern('id'), idempotencyKey: pattern('Idempotency-Key') }

// kind returns what a schema is, in the words of a language.
function kind(schema, words, open) {
  if (schema.$ref) return words.named(name(schema))
  if (schema.enum) return words.choice(schema.enum, open)
  if (schema.type === 'array') return words.list(kind(schema.items, words, open))
  if (schema.format === 'date-time') return words.instant
  const plain = { string: words.text, integer: words.whole, boolean: words.truth }[schema.type]
  if (!plain) throw new Error(`there is no word for ${JSON.stringify(schema)}`)
  return plain
}

// wrap breaks a text into lines.
function wrap(text, room) {
  const lines = ['']
  for (const word of text.split(' ')) {
    if (lines.at(-1) && lines.at(-1).length + 1 + word.length > room) lines.push(word)
    else lines[lines.length - 1] += (lines.at(-1) && ' ') + word
  }
  return lines
}

function members(schema) {
  return Object.entries(schema.properties).map(([member, of]) => [member, of, schema.required?.includes(member) ?? false])
}

// TypeScript

const typescript = {
  named: (to) => to, list: (of) => `${of}[]`, text: 'string', whole: 'number', truth: 'boolean', instant: 'string',
  choice: (all, open) => all.map((each) => `'${each}'`).join(' | ') + (open ? ' | (string & {})' : ''),
}

function comment(text, indent) {
  const lines = wrap(text, width - indent.length - 3)
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}\n`).join('')}${indent} */\n`
}

const reasons = document.components.schemas.Problem.properties.reason.enum

function types() {
  let text = `// ${note}\n\n/** Why the server said no, or gave no answer; docs/server-api.md says what each means. */\nexport type Reason =\n`
  text += reasons.map((reason) => `  | '${reason}'\n`).join('')
  for (const [title, schema] of schemas) {
    if (title === 'Problem') continue
    text += `\nexport interface ${title} {\n`
    for (const [member, of, required] of members(schema)) {
      text += comment(of.description, '  ') + `  ${member}${required ? '' : '?'}: ${kind(of, typescript, !isInput(schema))}\n`
    }
    text += '}\n'
  }
  return text
}

// JavaScript

function tables() {
  let text = `// ${note}\n\n/** What parameters have to be. */\nexport const parameters = {\n`
  for (const [parameter, of] of Object.entries(parameters)) text += `  ${parameter}: /${of}/,\n`
  text += `}\n\n/**
 * @typedef {object} Call one call of the API
 * @property {string} method
 * @property {string} path
 * @property {number} status the one that means yes
 * @property {string | null} answer the shape of what comes with it
 * @property {boolean} form the body is a form, not JSON
 * @property {'key' | 'plain' | 'never'} retry how it can be sent again: with its Idempotency-Key, as it is, or never
 */

/** The calls, by the methods that make them. */
export const calls = {\n`
  for (const { id, ...call } of calls) {
    const written = Object.entries(call).map(([member, of]) => `${member}: ${typeof of === 'string' ? `'${of}'` : of}`)
    text += `  ${id}: /** @type {Call} */ ({ ${written.join(', ')} }),\n`
  }
  text += `}\n\n/**
 * What answers are: of each member its kind and whether it is always there. A kind in brackets is a list of it.
 * @type {Record<string, Record<string, [kind: string | [string], required: boolean]>>}
 */
export const shapes = {\n`
  const words = { named: (to) => `'${to}'`, list: (of) => `[${of}]`, text: `'string'`, whole: `'integer'`, truth: `'boolean'`, instant: `'string'`, choice: () => `'string'` }
  for (const [title, schema] of answers) {
    text += `  ${title}: {\n`
    for (const [member, of, required] of members(schema)) text += `    ${member}: [${kind(of, words)}, ${required}],\n`
    text += '  },\n'
  }
  return text + '}\n'
}

// Python

const python = {
  named: (to) => to, list: (of) => `list[${of}]`, text: 'str', whole: 'int', truth: 'bool', instant: 'datetime',
  choice: () => 'str',
}

function docstring(lines, indent) {
  return lines.map((line) => (line ? indent + line : '') + '\n').join('')
}

function classes() {
  let text = `# ${note}\n"""What the API takes and answers."""\n\nimport re\nfrom dataclasses import dataclass, field\nfrom datetime import datetime\nfrom typing import Literal, NamedTuple, Optional\n\n`
  const start = document.components.schemas.StartIn.properties
  for (const [title, member] of [['Channel', 'channel'], ['Kind', 'kind']]) {
    text += `${title} = Literal[${start[member].enum.map((each) => `"${each}"`).join(', ')}]\n`
  }
  // What is nested stands before what holds it.
  const order = [...answers.filter(([, schema]) => !JSON.stringify(schema).includes('$ref')), ...answers.filter(([, schema]) => JSON.stringify(schema).includes('$ref'))]
  const inputs = schemas.filter(([title, schema]) => isInput(schema) && title === 'Client')
  for (const [title, schema] of [...inputs, ...order]) {
    text += `\n\n@dataclass(frozen=True)\nclass ${title}:\n`
    text += `    """${isInput(schema) ? 'Who asks, as the caller knows.' : answerOf(title)}"""\n\n`
    const all = members(schema)
    for (const [member, of, required] of [...all.filter((each) => each[2]), ...all.filter((each) => !each[2])]) {
      const is = kind(of, python)
      const hide = hidden.has(member) && of.type === 'string'
      const flag = of.type === 'boolean'
      const value = required ? (hide ? 'field(repr=False)' : '') : hide ? 'field(default=None, repr=False)' : flag && !isInput(schema) ? 'False' : 'None'
      const type = required || (flag && !isInput(schema)) ? is : `Optional[${is}]`
      text += `    ${member}: ${type}${value && ` = ${value}`}\n`
      const lines = wrap(of.description, width - 10)
      lines[0] = `"""${lines[0]}`
      lines[lines.length - 1] += '"""'
      text += docstring(lines, '    ')
    }
  }
  text += `\n\nclass Call(NamedTuple):
    """One call of the API."""

    method: str
    path: str
    status: int
    """The one that means yes."""
    answer: Optional[type]
    """What comes with it."""
    form: bool
    """The body is a form, not JSON."""
    retry: Literal["key", "plain", "never"]
    """How it can be sent again: with its Idempotency-Key, as it is, or never."""


`
  text += 'CALLS = {\n'
  for (const call of calls) {
    const title = call.id.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    text += `    "${title}": Call("${call.method}", "${call.path}", ${call.status}, ${call.answer ?? 'None'}, ${call.form ? 'True' : 'False'}, "${call.retry}"),\n`
  }
  text += '}\n\nPARAMETERS = {\n'
  for (const [parameter, of] of Object.entries(parameters)) {
    text += `    "${parameter.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}": re.compile(r"${of.replace(/\$$/, '\\Z')}"),\n`
  }
  return text + '}\n'
}

// answerOf says whose answer a schema is.
function answerOf(title) {
  const of = calls.filter((call) => call.answer === title).map((call) => call.id.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`))
  return of.length > 0 ? `The answer to ${of.join(' and ')}.` : { Delivery: 'What becomes of a message.', Flaw: 'One thing that is wrong with a body.', LocksOut: 'What the limits of one set refuse.', PendingOut: 'One issue that is pending.' }[title] ?? 'A part of an answer.'
}

const files = { 'js/types/api.d.ts': types(), 'js/src/document.js': tables(), 'python/src/onetimed/_document.py': classes() }
let old = 0
for (const [path, text] of Object.entries(files)) {
  const at = new URL(path, import.meta.url)
  if (!process.argv.includes('--check')) writeFileSync(at, text)
  else if (readFileSync(at, 'utf8') !== text) {
    console.error(`clients/${path} is not what the document says: node clients/generate.mjs writes it`)
    old++
  }
}
process.exitCode = old > 0 ? 1 : 0
