import test from 'ava'
import { settingsChange } from '../../src/config/settings-change.ts'
import { settingGroups } from '../../src/config/settings-schema.ts'
import { parseSettings } from '../../src/config/settings.ts'
import type { Settings } from '../../src/config/settings.ts'

function settings(yaml: string): Settings {
  const parsed = parseSettings({ SIGNET_STAMP: 'eu-1' }, {}, { path: 'signet.yaml', text: yaml })
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.mistakes))
  return parsed.settings
}

const change = (before: string, after: string) => settingsChange(settings(before), settings(after))

test('the same settings, written otherwise, are no change', (t) => {
  t.deepEqual(change('drain: 60s', 'drain: 1m'), { live: [], restart: [] })
})

test('some settings take effect at once, and the others are named', (t) => {
  const after = 'logLevel: debug\npresenceInterval: 1s\ntopology: elsewhere\ndrain: 1s\ninFlight: 8'
  t.deepEqual(change('', after), {
    live: ['logLevel', 'presenceInterval', 'topology'],
    restart: ['drain', 'inFlight'],
  })
})

test('settings of a NATS side are named as the file has them, and never with their values', (t) => {
  const after = 'gateway: { url: "nats://other:4222", user: u, password: hunter2 }'
  const found = change('', after)
  t.deepEqual(found, { live: [], restart: ['gateway.password', 'gateway.url', 'gateway.user'] })
  t.notRegex(JSON.stringify(found), /hunter2|other/)
  t.deepEqual(change('keptn: { nkey: a.nk }', 'keptn: { nkey: b.nk }').restart, ['keptn.nkey'])
})

test('every setting of the tables has its name in a change', (t) => {
  const names = new Set(
    settingGroups.flatMap(({ table }) => Object.values(table).map(({ name }) => name as string)),
  )
  const empty = {} as Settings
  // The one key of the file that is in no table.
  names.add('integrations')
  const { live, restart } = settingsChange(empty, settings('gateway: { user: u, password: p }'))
  for (const name of [...live, ...restart]) t.true(names.has(name), name)
})

test('integrations that the agent speaks for take effect when it is started again', (t) => {
  const list = (host: string) =>
    `integrations: [{ name: a, namespace: b, topics: [sh.keptn.event.x.triggered], recipient: 'http://u:hunter2@${host}' }]`
  const found = change(list('x'), list('y'))
  t.deepEqual(found, { live: [], restart: ['integrations'] })
})
