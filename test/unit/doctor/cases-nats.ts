import type { FactValues, GreetedServer, SideFacts } from '../../../src/doctor/facts.ts'
import type { ConsumerFacts, StoreFacts, StreamSetup } from '../../../src/doctor/store-facts.ts'
import type { Case } from './cases.ts'
import {
  consumer,
  DAY,
  gatewaySide,
  homeSetup,
  homeStore,
  hubStore,
  keptnSide,
  keptnStore,
  keptnStream,
  NOW,
  server,
  stream,
} from './facts.ts'

function gateway(over: Partial<SideFacts>): Partial<FactValues> {
  return { sides: [{ ...gatewaySide, ...over }, keptnSide] }
}

function served(code: string, over: Partial<GreetedServer>, found: RegExp): Case {
  return { code, facts: gateway({ servers: [{ ...server, ...over }] }), found }
}

function connected(code: string, over: object, found: RegExp, also: readonly string[] = []): Case {
  const connection = { ...gatewaySide.connection, ...over }
  return { code, facts: gateway({ connection }), found, also }
}

const AWAY = { kind: 'unreachable', why: 'connect ECONNREFUSED' } as const
const FAILED = { kind: 'failed', why: 'connect ECONNREFUSED' } as const

export const serverCases: readonly Case[] = [
  {
    code: 'DOC-501',
    facts: gateway({
      servers: [{ url: 'nats://g', isOnThisMachine: false, trouble: AWAY }],
      connection: FAILED,
    }),
    found: /gateway NATS nats:\/\/g: connect ECONNREFUSED/,
  },
  {
    code: 'DOC-502',
    facts: gateway({
      servers: [server, { url: 'nats://g2', isOnThisMachine: false, trouble: AWAY }],
    }),
    found: /nats:\/\/g2/,
  },
  {
    code: 'DOC-503',
    facts: gateway({
      servers: [
        {
          url: 'nats://g',
          isOnThisMachine: false,
          trouble: { kind: 'tls', why: 'self-signed certificate' },
        },
      ],
      connection: FAILED,
    }),
    found: /self-signed/,
  },
  {
    code: 'DOC-504',
    facts: gateway({ connection: { kind: 'refused', why: 'Authorization Violation' } }),
    found: /gateway NATS: Authorization Violation/,
  },
  { code: 'DOC-505', facts: gateway({ connection: FAILED }), found: /gateway NATS/ },
  served('DOC-506', { version: '2.9.9' }, /2\.9\.9/),
  served('DOC-506', { version: '1.9.20-beta' }, /1\.9\.20/),
  { code: 'DOC-507', facts: { oneAccount: true }, found: /heard on the gateway/ },
  connected('DOC-508', { maxPayloadBytes: 65_536 }, /65536 bytes/, ['DOC-510']),
  connected('DOC-509', { maxPayloadBytes: 524_288 }, /524288 bytes/, ['DOC-510']),
  connected('DOC-510', { maxPayloadBytes: 8_388_608 }, /8388608 bytes, Keptn NATS takes 1048576/),
  served('DOC-511', { isEncrypted: false }, /has no TLS/),
  served(
    'DOC-512',
    { certificate: { name: 'gateway', notBefore: NOW - DAY, notAfter: NOW + DAY } },
    /gateway ends on 2026-11-25/,
  ),
  connected('DOC-513', { roundTripMs: 700 }, /700 ms/),
  served('DOC-514', { needsLogin: false }, /asks for no login/),
]

function rights(code: string, over: object, found: RegExp): Case {
  const none = { speaksForOthers: false, hearsOthers: false, makesStreams: false, lacks: [] }
  return { code, facts: { rights: [{ controlPlane: 'main', ...none, ...over }] }, found }
}

export const rightsCases: readonly Case[] = [
  rights('DOC-701', { speaksForOthers: true }, /main/),
  rights('DOC-702', { hearsOthers: true }, /main/),
  rights('DOC-703', { makesStreams: true }, /main/),
  rights('DOC-704', { lacks: ['it may not publish to x'] }, /main: it may not publish to x/),
]

function keptn(over: Partial<StoreFacts>): Partial<FactValues> {
  return { stores: [{ ...keptnStore, ...over }, hubStore] }
}

function home(over: Partial<StoreFacts>): Partial<FactValues> {
  return {
    setup: homeSetup(),
    stores: [{ ...homeStore, ...over }, hubStore],
    agent: { kind: 'silent', url: 'u', why: 'w' },
  }
}

function drifted(over: Partial<StreamSetup>, found: RegExp): Case {
  return { code: 'DOC-607', facts: keptn({ streams: [{ ...stream, ...over }] }), found }
}

function full(code: string, used: number): Case {
  const use = { ...keptnStore.use, storage: { used, most: 100 } } as NonNullable<StoreFacts['use']>
  return { code, facts: keptn({ use }), found: new RegExp(`storage is used to ${used} %`) }
}

const { republish: _, ...said } = stream

export const storeCases: readonly Case[] = [
  {
    code: 'DOC-601',
    facts: home({ state: 'none', streams: [] }),
    found: /the Keptn NATS/,
    also: ['DOC-804'],
  },
  { code: 'DOC-602', facts: keptn({ state: 'none', streams: [] }), found: /the Keptn NATS/ },
  {
    code: 'DOC-603',
    facts: keptn({ state: 'silent', why: 'timeout', streams: [] }),
    found: /the Keptn NATS: timeout/,
  },
  full('DOC-604', 85),
  full('DOC-605', 96),
  {
    code: 'DOC-605',
    facts: keptn({ streams: [{ ...stream, maxBytes: 1_000 }] }),
    found: /stream SIGNET_IN is used to 100 %/,
  },
  { code: 'DOC-606', facts: keptn({ streams: [] }), found: /SIGNET_IN/ },
  drifted({ subjects: ['signet.in.>', 'x'] }, /subjects signet\.in\.> x/),
  drifted({ storage: 'memory' }, /storage memory instead of file/),
  drifted({ retention: 'workqueue' }, /retention workqueue/),
  drifted({ maxAgeMs: 0 }, /age \(ms\) 0 instead of 86400000/),
  drifted({ duplicateWindowMs: 120_000 }, /duplicate window \(ms\) 120000/),
  {
    code: 'DOC-607',
    facts: keptn({ streams: [said] }),
    found: /republish to nowhere instead of sh\.keptn\.>/,
  },
  {
    code: 'DOC-608',
    facts: keptn({ capturing: ['SIGNET_LOCAL', 'keptn'] }),
    found: /keptn captures sh\.keptn\.>/,
  },
  {
    code: 'DOC-608',
    facts: home({ capturing: ['keptn', 'SIGNET_LOCAL'] }),
    found: /SIGNET_LOCAL captures/,
    also: ['DOC-804'],
  },
  {
    code: 'DOC-609',
    facts: home({ streams: [stream] }),
    found: /the Keptn NATS: keptn/,
    also: ['DOC-804'],
  },
  {
    code: 'DOC-610',
    facts: home({ streams: [stream, { ...keptnStream, maxAgeMs: 3_600_000 }] }),
    found: /drops events after 3600 s/,
    also: ['DOC-804'],
  },
  {
    code: 'DOC-611',
    facts: { stores: [keptnStore, { ...hubStore, streams: [{ ...stream, replicas: 1 }] }] },
    found: /1 of 3/,
  },
]

function reader(code: string, over: Partial<ConsumerFacts>, found: RegExp): Case {
  return { code, facts: { consumers: [{ ...consumer, ...over }] }, found }
}

function state(code: string, over: object, found: RegExp): Case {
  return reader(code, { state: { ...consumer.state, ...over } }, found)
}

const { state: __, ...missing } = consumer

function letters(code: string, lastAt: number, reason: string, also: readonly string[] = []): Case {
  const groups = [{ stamp: 'one', reason, count: 2 }]
  const deadLetters = [{ controlPlane: 'main', total: 2, lastAt, groups }]
  return { code, facts: { deadLetters }, found: /main: 2/, also }
}

export const flowCases: readonly Case[] = [
  { code: 'DOC-621', facts: { consumers: [missing] }, found: /signet-one of SIGNET_LOCAL/ },
  state('DOC-622', { pending: 5_000 }, /5000 wait/),
  reader('DOC-623', { hasMoved: false }, /signet-one of SIGNET_LOCAL: 3 wait/),
  state('DOC-624', { unacknowledged: 5_000 }, /5000 are out/),
  state('DOC-625', { redelivered: 400 }, /400/),
  state('DOC-626', { filter: '>' }, /filter > instead of sh\.keptn\.>/),
  state('DOC-626', { ackWaitMs: 30_000 }, /ack wait \(ms\) 30000 instead of 4000/),
  state('DOC-626', { maxAckPending: 10_000 }, /max ack pending 10000/),
  { code: 'DOC-627', facts: { consumers: [{ ...missing, reader: 'keptn' }] }, found: /signet-one/ },
  reader('DOC-628', { reader: 'stranger', name: 'signet-other' }, /signet-other/),
  letters('DOC-641', NOW - 60_000, 'oversize'),
  letters('DOC-642', NOW - DAY, 'oversize'),
  letters('DOC-643', NOW - DAY, 'refused-by-api', ['DOC-642']),
]
