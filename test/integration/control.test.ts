import type { ExecutionContext } from 'ava'
import test from 'ava'
import { headers } from '@nats-io/transport-node'
import type { NatsProcess } from '../../src/demo/nats-process.ts'
import { startSupercluster } from '../../src/demo/supercluster.ts'
import { isSignetError, SignetError } from '../../src/errors.ts'
import { controlHandler } from '../../src/hub/control-handler.ts'
import type { ControlHandler } from '../../src/hub/control-handler.ts'
import { ControlService } from '../../src/hub/control-service.ts'
import { ControlClient } from '../../src/links/control-client.ts'
import { ControlListener } from '../../src/links/control-listener.ts'
import type { NatsAuth } from '../../src/links/nats-options.ts'
import type { NatsSide } from '../../src/links/nats-side.ts'
import { eventually } from '../support/eventually.ts'
import { natsServer, natsServerBinary } from '../support/nats-server.ts'
import { silent } from '../support/registrations.ts'
import { connectedSide } from '../support/nats-side.ts'

const SCOPE = { federation: 'acme', controlPlane: 'main' }
const forever = new AbortController().signal

async function hub(
  t: ExecutionContext,
  server: NatsProcess,
  handlers: readonly ControlHandler[],
  auth: NatsAuth = {},
): Promise<{ service: ControlService; side: NatsSide }> {
  const side = await connectedSide(server.url, { side: 'gateway', auth, name: 'hub' })
  const listener = new ControlListener(side)
  const service = new ControlService({ scope: SCOPE, listener, handlers, log: silent })
  service.start()
  await side.connection.flush()
  t.teardown(async () => {
    service.stop()
    await side.close()
  })
  return { service, side }
}

async function client(
  t: ExecutionContext,
  server: NatsProcess,
  options: { readonly patienceMs?: number; readonly auth?: NatsAuth } = {},
): Promise<ControlClient> {
  const { auth = {}, ...more } = options
  const asker = new ControlClient({
    address: { servers: [server.url], auth },
    scope: SCOPE,
    by: 'ann@laptop',
    clientName: 'test',
    inboxPrefix: '_INBOX.test',
    ...more,
  })
  t.teardown(() => asker.close())
  await asker.connect(forever)
  return asker
}

const echo = controlHandler({
  verb: 'echo',
  changes: false,
  read: (args) => ({
    text: args.text('text', 1_000),
    times: args.optionalWhole('times', 1, 1e8) ?? 1,
  }),
  handle: ({ text, times }, { by }) => Promise.resolve({ by, text: text.repeat(times) }),
})

test('a command gets what the hub answers, or refuses, in its own words', async (t) => {
  await using server = await natsServer()
  const refusing = controlHandler({
    verb: 'refuse',
    changes: true,
    read: () => undefined,
    handle: () => {
      throw new SignetError('SIGNET_UNKNOWN_ID', 'No.', { details: { candidates: ['a'] } })
    },
  })
  const failing = controlHandler({
    verb: 'fail',
    changes: false,
    read: () => undefined,
    handle: () => Promise.reject(new Error('password hunter2')),
  })
  await hub(t, server, [echo, refusing, failing])
  const asker = await client(t, server)
  const ask = (verb: string, args = {}) => asker.ask({ verb, args, signal: forever })
  t.deepEqual(await ask('echo', { text: 'ä' }), {
    ok: true,
    value: { by: 'ann@laptop', text: 'ä' },
  })
  t.deepEqual(await ask('refuse'), {
    ok: false,
    code: 'SIGNET_UNKNOWN_ID',
    message: 'No.',
    details: { candidates: ['a'] },
  })
  t.like(await ask('fail'), { ok: false, code: 'SIGNET_INTERNAL' })
  t.notRegex(JSON.stringify(await ask('fail')), /hunter2/)
  t.like(await ask('echo', { txet: 'x', text: 'x' }), { ok: false, code: 'SIGNET_USAGE' })
  t.like(await ask('dance'), { ok: false, code: 'SIGNET_USAGE' })
})

for (const geo of ['eu', 'us']) {
  test(`an answer of several MiB arrives whole ${geo === 'eu' ? 'in the geo' : 'across gateways'}`, async (t) => {
    await using supercluster = await startSupercluster({
      binary: await natsServerBinary(),
      geos: ['eu', 'us'],
      home: { geo: 'eu', stamp: 'core' },
      stamps: [],
    })
    await supercluster.ready()
    await hub(t, supercluster.gateway('eu'), [echo])
    const asker = await client(t, supercluster.gateway(geo))
    let seen = 0
    const answer = await eventually('the hub is known there', async () => {
      try {
        return await asker.ask({
          verb: 'echo',
          args: { text: 'äbc', times: 2_000_000 },
          signal: forever,
          onProgress: (_, bytes) => {
            seen = Math.max(seen, bytes)
          },
        })
      } catch (error) {
        // Interest travels through a gateway after the subscription (nats-notes 3).
        if (isSignetError(error, 'SIGNET_NO_HUB')) return undefined
        throw error
      }
    })
    t.true(answer.ok)
    if (answer.ok) t.is((answer.value as { text: string }).text, 'äbc'.repeat(2_000_000))
    t.true(seen > 1_000_000)
  })
}

test('an answer that is too large is refused, and the hub lives', async (t) => {
  await using server = await natsServer()
  await hub(t, server, [echo])
  const asker = await client(t, server)
  const ask = (times: number) =>
    asker.ask({ verb: 'echo', args: { text: 'x', times }, signal: forever })
  t.like(await ask(20 * 1_048_576), { ok: false, code: 'SIGNET_TOO_LARGE' })
  t.true((await ask(1)).ok)
})

test('where no hub listens it is said at once, with what was tried', async (t) => {
  await using server = await natsServer()
  const asker = await client(t, server)
  const asked = asker.ask({ verb: 'status', args: {}, signal: forever })
  const error = await t.throwsAsync(asked, {
    message: /signet\.acme\.control\.main\.status at nats/,
  })
  t.true(isSignetError(error, 'SIGNET_NO_HUB'))
})

test('a hub that listens and says nothing is given up', async (t) => {
  await using server = await natsServer()
  const { side } = await hub(t, server, [])
  side.connection.subscribe('signet.acme.control.main.mute')
  await side.connection.flush()
  // Another subject than the one its service answers on.
  const asker = new ControlClient({
    address: { servers: [server.url], auth: {} },
    scope: { ...SCOPE, controlPlane: 'mute' },
    by: 'ann@laptop',
    clientName: 'test',
    inboxPrefix: '_INBOX.test',
    patienceMs: 3_000,
  })
  t.teardown(() => asker.close())
  await asker.connect(forever)
  side.connection.subscribe('signet.acme.control.mute.*')
  await side.connection.flush()
  const error = await t.throwsAsync(asker.ask({ verb: 'status', args: {}, signal: forever }))
  t.true(isSignetError(error, 'SIGNET_NO_HUB'))
  t.regex(error?.message ?? '', /nobody answered in time/)
})

test('a hub that dies in the middle of its answer leaves no half of it', async (t) => {
  await using server = await natsServer()
  const { side } = await hub(t, server, [])
  const subject = 'signet.acme.control.half.trace'
  side.connection.subscribe(subject, {
    callback: (_, { reply = '' }) => {
      const head = headers()
      head.set('Signet-Answer', 'part dying')
      head.set('Signet-Part', '0')
      side.connection.publish(reply, '{"ok":true,"value":{"half":', { headers: head })
    },
  })
  await side.connection.flush()
  const asker = new ControlClient({
    address: { servers: [server.url], auth: {} },
    scope: { ...SCOPE, controlPlane: 'half' },
    by: 'ann@laptop',
    clientName: 'test',
    inboxPrefix: '_INBOX.test',
  })
  t.teardown(() => asker.close())
  await asker.connect(forever)
  let heard: (() => void) | undefined
  const half = new Promise<void>((resolve) => {
    heard = resolve
  })
  const asking = asker.ask({
    verb: 'trace',
    args: {},
    signal: forever,
    onProgress: () => heard?.(),
  })
  await half
  await side.close()
  const error = await t.throwsAsync(asking)
  t.true(isSignetError(error, 'SIGNET_NO_HUB'))
  t.regex(error?.message ?? '', /fell silent/)
})

test('work that nobody waits for any more is ended, and a hub that stops says so', async (t) => {
  await using server = await natsServer()
  const ended: string[] = []
  let begun = 0
  const slow = controlHandler({
    verb: 'slow',
    changes: false,
    read: () => undefined,
    handle: (_, { signal, progress }) =>
      new Promise((_resolve, reject) => {
        begun += 1
        progress({ at: 1 })
        signal.addEventListener('abort', () => {
          ended.push((signal.reason as Error).message)
          reject(signal.reason as Error)
        })
      }),
  })
  const { service } = await hub(t, server, [slow])
  const asker = await client(t, server)
  const stop = new AbortController()
  const seen: unknown[] = []
  const asking = asker.ask({
    verb: 'slow',
    args: {},
    signal: stop.signal,
    onProgress: (about) => seen.push(about),
  })
  await eventually(
    'progress is told, and said again it is no second request',
    () => seen.length >= 3,
    20_000,
  )
  t.deepEqual(seen[0], { at: 1 })
  t.is(begun, 1)
  stop.abort(new Error('Ctrl-C'))
  await t.throwsAsync(asking, { message: 'Ctrl-C' })
  await eventually('the hub ends the work', () => ended.length === 1)
  t.regex(ended[0] ?? '', /Nobody waits/)
  const again = asker.ask({ verb: 'slow', args: {}, signal: forever })
  await eventually('it begins', () => begun === 2)
  service.stop()
  t.like(await again, { ok: false, code: 'SIGNET_STOPPED' })
})

test('a user who may not ask this is told which right is missing', async (t) => {
  const users = `
    { user: hub, password: hub },
    { user: reader, password: reader, permissions: {
        publish: ["signet.acme.control.main.status"], subscribe: ["_INBOX.test.>"] } },
    { user: deaf, password: deaf, permissions: {
        publish: ["signet.acme.control.main.>"], subscribe: ["_INBOX.other.>"] } }`
  await using server = await natsServer({ config: `authorization { users: [${users}] }` })
  const status = { ...echo, verb: 'status' }
  await hub(t, server, [status, echo], { user: 'hub', password: 'hub' })
  const reader = await client(t, server, { auth: { user: 'reader', password: 'reader' } })
  const ask = (asker: ControlClient, verb: string) =>
    asker.ask({ verb, args: { text: 'x' }, signal: forever })
  t.true((await ask(reader, 'status')).ok)
  const refused = await t.throwsAsync(ask(reader, 'echo'))
  t.true(isSignetError(refused, 'SIGNET_AUTH_REFUSED'), refused?.message)
  t.regex(refused?.message ?? '', /may not publish to signet\.acme\.control\.main\.echo/)
  const deaf = await client(t, server, { auth: { user: 'deaf', password: 'deaf' } })
  const unheard = await t.throwsAsync(ask(deaf, 'status'))
  t.true(isSignetError(unheard, 'SIGNET_AUTH_REFUSED'), unheard?.message)
  t.regex(unheard?.message ?? '', /may not subscribe to _INBOX\.test/)
})

test('a server that is away, or does not let us in, is named, and its password is not', async (t) => {
  await using server = await natsServer({ config: 'authorization { user: fed, password: right }' })
  const auth = { user: 'fed', password: 'hunter2' }
  const refused = await t.throwsAsync(client(t, server, { auth }))
  t.true(isSignetError(refused, 'SIGNET_AUTH_REFUSED'), refused?.message)
  t.notRegex(refused?.message ?? '', /hunter2/)
  await server.kill()
  const away = await t.throwsAsync(client(t, server, { auth }))
  t.true(isSignetError(away, 'SIGNET_LINK_LOST'), away?.message)
  t.regex(away?.message ?? '', new RegExp(`${server.url}.*SIGNET_NATS_URL`, 's'))
})
