import type { FactValues, FileFacts } from '../../../src/doctor/facts.ts'
import type { Case } from './cases.ts'
import type { SetupOver } from './facts.ts'
import { DAY, homeSetup, homeStore, hubStore, NOW, setup } from './facts.ts'

const API = { KEPTN_API_ENDPOINT: 'https://keptn.example/api', KEPTN_API_TOKEN: 't0ken' }

function of(code: string, over: SetupOver, found: RegExp, also: readonly string[] = []): Case {
  return { code, facts: { setup: setup(over) }, found, also }
}

const env = (code: string, environment: Record<string, string>, found: RegExp): Case =>
  of(code, { environment }, found)

export const settingsCases: readonly Case[] = [
  env('DOC-101', { SIGNET_STAMPP: 'one' }, /SIGNET_STAMPP.*SIGNET_STAMP/),
  env('DOC-102', { ...API, HTTP_SSL_VERIFY: 'false' }, /HTTP_SSL_VERIFY/),
  of('DOC-103', { topology: [['{ name: one, link: nats }', '{ name: one, link: https }']] }, /one/),
  of('DOC-104', { topology: [['{ name: one, link: nats }', '{ name: one }']] }, /one/),
  env('DOC-105', { KEPTN_API_ENDPOINT: 'https://keptn.example/api' }, /keptn\.example/),
  env('DOC-106', { ...API, KEPTN_API_ENDPOINT: 'https://keptn.example/bridge' }, /bridge/),
  env('DOC-107', { ...API, KEPTN_API_ENDPOINT: 'http://keptn.example/api' }, /http:/),
  env(
    'DOC-108',
    {
      ...API,
      KEPTN_API_ENDPOINT: 'https://gateway.keptn.svc/api',
      HTTPS_PROXY: 'http://proxy:3128',
    },
    /gateway\.keptn\.svc/,
  ),
  env('DOC-109', { ...API, OAUTH_CLIENT_ID: 'me' }, /only OAUTH_CLIENT_ID is set/),
  env('DOC-110', { SIGNET_DEDUPE_WINDOW: '10d' }, /SIGNET_DEDUPE_WINDOW/),
  env('DOC-111', { SIGNET_DRAIN: '40s' }, /SIGNET_DRAIN/),
  env('DOC-112', { SIGNET_PRESENCE_INTERVAL: '2m' }, /SIGNET_PRESENCE_INTERVAL/),
  env(
    'DOC-113',
    { SIGNET_RETENTION: '2h', SIGNET_DEDUPE_WINDOW: '1h' },
    /SIGNET_RETENTION is below 24 h/,
  ),
  env('DOC-114', { SIGNET_NATS_URL: 'nats://keptn' }, /nats:\/\/keptn/),
  {
    code: 'DOC-115',
    facts: {
      setup: homeSetup({
        file: 'integrations: [{ name: tester, namespace: n, topics: [sh.keptn.event.test.triggered], recipient: http://t:80 }]',
      }),
      stores: [homeStore, hubStore],
      agent: { kind: 'silent', url: 'u', why: 'w' },
    },
    found: /tester/,
    also: ['DOC-804'],
  },
]

const RING = 'stamps: [{ name: one'

export const topologyCases: readonly Case[] = [
  of('DOC-201', { environment: { SIGNET_STAMP: 'onne' } }, /onne.*"?one/, ['DOC-806']),
  of(
    'DOC-202',
    { environment: { SIGNET_STAMP: 'nine', SIGNET_GEO: 'eu', SIGNET_RING: 'canary' } },
    /not let in/,
    ['DOC-104', 'DOC-806'],
  ),
  of(
    'DOC-203',
    { topology: [['rings: [canary, broad]\nstages', 'rings: [canary, broad, last]\nstages']] },
    /no geo has a ring "last"/,
  ),
  of(
    'DOC-204',
    {
      topology: [
        ['rings: [canary, broad]\nstages', 'rings: [canary, broad, last]\nstages'],
        ['{ stage: prod, rings: [canary, broad] }', '{ stage: prod, rings: [canary, last] }'],
      ],
    },
    /stage prod: ring last/,
    ['DOC-203'],
  ),
  of('DOC-205', tasks('default: { startTimeout: 9m30s }'), /tasks\.default\.startTimeout/),
  of('DOC-206', tasks('test: { finishTimeout: 1m }'), /tasks\.test/),
  of('DOC-207', rollout('{ deadline: 1m }'), /eu\/canary/),
  of('DOC-208', rollout('{ deadline: 1h, soak: 2h }'), /eu\/canary/),
  of('DOC-209', tasks('test: { missing: fail }'), /one/),
]

function tasks(text: string): SetupOver {
  return { topology: [['stages:', `tasks: { ${text} }\nstages:`]] }
}

function rollout(text: string): SetupOver {
  return { topology: [[RING, `rollout: ${text}\n${RING}`]] }
}

const FILE: FileFacts = {
  setting: 'SIGNET_NATS_CREDS',
  path: '/secret/creds',
  isSecret: true,
  mode: 0o440,
  certificates: [],
}

function file(code: string, over: Partial<FileFacts>, found: RegExp): Case {
  return { code, facts: { files: [{ ...FILE, ...over }] }, found }
}

function certificate(notBefore: number, notAfter: number): Partial<FileFacts> {
  return { certificates: [{ name: 'agent', notBefore, notAfter }] }
}

export const fileCases: readonly Case[] = [
  file('DOC-301', { unreadable: 'it does not exist' }, /SIGNET_NATS_CREDS.*does not exist/),
  file('DOC-302', { mode: 0o644 }, /0644/),
  file('DOC-303', { problem: 'is no credentials file' }, /is no credentials file/),
  file('DOC-304', certificate(NOW - 9 * DAY, NOW - DAY), /agent ended on 2026-11-23/),
  file('DOC-304', certificate(NOW + DAY, NOW + 99 * DAY), /agent begins on 2026-11-25/),
  file('DOC-305', certificate(NOW - DAY, NOW + 3 * DAY), /agent ends on 2026-11-27/),
  file('DOC-306', { isForeign: true }, /\/secret\/creds/),
  file('DOC-307', { isSignedByCa: false }, /\/secret\/creds/),
  file('DOC-308', { expiresAt: NOW - DAY }, /ended on 2026-11-23/),
  file('DOC-309', { expiresAt: NOW + 13 * DAY }, /ends on 2026-12-07/),
]

function machine(code: string, over: Partial<FactValues['machine']>, found: RegExp): Case {
  return { code, facts: { machine: { node: '20.19.0', ...over } }, found }
}

function clock(code: string, leastMs: number, mostMs: number, found: RegExp): Case {
  return { code, facts: { clocks: [{ whose: 'the hub', leastMs, mostMs }] }, found }
}

export const machineCases: readonly Case[] = [
  machine('DOC-401', { node: '20.18.3' }, /Node 20\.18\.3/),
  machine('DOC-401', { node: '18.20.0' }, /Node 18/),
  machine('DOC-402', { openFiles: 256 }, /256/),
  machine('DOC-403', { memoryBytes: 64 * 1_048_576 }, /64 MiB/),
  {
    code: 'DOC-404',
    facts: { setup: setup({ now: 1_000 }), registrations: [] },
    found: /1970/,
  },
  clock('DOC-405', 2_500, 2_900, /the hub is 2\.5 s ahead of ours/),
  clock('DOC-405', -9_000, -3_000, /3\.0 s behind/),
  clock('DOC-406', -90_000, -60_000, /60\.0 s behind/),
]
