import type { StampStatus } from '../../../src/domain/federation-status.ts'
import type { FactValues } from '../../../src/doctor/facts.ts'
import type { Case } from './cases.ts'
import { agent, hubs, NOW, registration, stampStatus, status } from './facts.ts'

const lease = (code: string, it: FactValues['lease'], found: RegExp): Case => ({
  code,
  facts: { lease: it },
  found,
})

function beside(code: string, over: Partial<typeof agent> | object, found: RegExp): Case {
  return { code, facts: { agent: { ...agent, ...over } }, found }
}

const ONE = { id: 'a', version: '1.0.0' }

export const agentCases: readonly Case[] = [
  lease('DOC-801', { leader: undefined, agents: [ONE] }, /^a$/),
  lease('DOC-802', { leader: undefined, agents: [] }, /stamp one/),
  lease(
    'DOC-803',
    { leader: 'a', agents: [ONE, { id: 'b', version: '0.9.0' }] },
    /a 1\.0\.0, b 0\.9\.0/,
  ),
  {
    code: 'DOC-804',
    facts: { agent: { kind: 'silent', url: 'http://x', why: 'refused' } },
    found: /http:\/\/x: refused/,
  },
  {
    code: 'DOC-805',
    facts: { agent: { kind: 'stranger', url: 'http://x' } },
    found: /http:\/\/x/,
  },
  beside('DOC-806', { stamp: 'two' }, /two of acme/),
  beside('DOC-807', { reasons: ['gateway NATS: refused'] }, /gateway NATS: refused/),
  beside('DOC-808', { warnings: ['the files differ'] }, /the files differ/),
  beside('DOC-809', { topology: 'xyz' }, /xyz, here abc/),
  beside('DOC-810', { version: '0.9.0' }, /0\.9\.0, this is 1\.0\.0/),
  beside('DOC-811', { silent: ['jes in keptn: last seen 90 s ago'] }, /jes in keptn/),
  beside('DOC-812', { canaries: [{ way: 'direction="up"', ageS: 40 }] }, /direction="up": 40 s/),
]

function stamp(code: string, over: Partial<StampStatus>, found: RegExp): Case {
  return { code, facts: { hubs: hubs({ stamps: [{ ...stampStatus, ...over }] }) }, found }
}

const { integrations: _, ...bare } = stampStatus

export const federationCases: readonly Case[] = [
  {
    code: 'DOC-851',
    facts: { hubs: [{ controlPlane: 'main', answer: { kind: 'silent', why: 'nobody listens' } }] },
    found: /main: nobody listens/,
  },
  {
    code: 'DOC-852',
    facts: { hubs: hubs({ hub: { ...status.hub, ready: false, reason: 'waits' } }) },
    found: /main: waits/,
  },
  stamp('DOC-853', { online: false }, /one \(eu\/canary\): was never heard/),
  stamp('DOC-854', { state: 'pending' }, /waits for approval/),
  stamp('DOC-854', { state: 'refused', reason: 'name-taken' }, /its name is taken/),
  { code: 'DOC-855', facts: { hubs: hubs({ stamps: [bare] }) }, found: /one .*has none/ },
  stamp('DOC-856', { integrations: { known: 3, alive: 1 } }, /2 of 3/),
  stamp('DOC-857', { agent: '0.9.0' }, /1\.0\.0: core.*0\.9\.0: one/s),
  stamp('DOC-858', { pending: 5_000 }, /5000 events/),
  stamp('DOC-859', { drained: true }, /is drained/),
  stamp('DOC-860', { keptn: false }, /is not connected to it/),
]

function api(code: string, over: Partial<FactValues['api'][number]>, found: RegExp): Case {
  const answered = { url: 'https://keptn/api', outcome: 'ok', why: 'because' } as const
  return { code, facts: { api: [{ ...answered, ...over }] }, found }
}

const AT_HOME = registration({ namespace: 'keptn', location: 'control-plane' })

export const keptnCases: readonly Case[] = [
  api('DOC-901', { outcome: 'unreachable' }, /https:\/\/keptn\/api: because/),
  api('DOC-902', { outcome: 'unauthorized' }, /because/),
  api('DOC-903', { outcome: 'stranger' }, /because/),
  api('DOC-904', { version: '0.13.1' }, /Keptn 0\.13\.1/),
  api('DOC-904', { version: '2.0.0' }, /Keptn 2\.0\.0/),
  api('DOC-905', { version: '0.18.2' }, /Keptn 0\.18\.2/),
  {
    code: 'DOC-906',
    facts: { services: [{ name: 'api-service', url: 'http://a', trouble: 'refused' }] },
    found: /api-service \(http:\/\/a\): refused/,
  },
  {
    code: 'DOC-911',
    facts: { registrations: [registration({}), registration({})] },
    found: /helm-service in keptn\.one: 2 times/,
  },
  {
    code: 'DOC-912',
    facts: { registrations: [registration({}), AT_HOME] },
    found: /helm-service in keptn: deployment/,
  },
  {
    code: 'DOC-913',
    facts: {
      registrations: [registration({ lastseen: new Date(NOW - 3_600_000).toISOString() })],
    },
    found: /last seen 2026-11-24T11/,
  },
  {
    code: 'DOC-914',
    facts: { registrations: [registration({ distributorversion: '0.8.4' })] },
    found: /0\.8\.4/,
  },
  {
    code: 'DOC-915',
    facts: {
      registrations: [registration({ namespace: 'keptn.old', location: 'eu/canary/old' })],
    },
    found: /eu\/canary\/old/,
  },
]
