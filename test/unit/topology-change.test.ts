import test from 'ava'
import { topologyChange, whyNotReload } from '../../src/domain/topology-change.ts'
import type { Stamp, Topology } from '../../src/domain/topology.ts'
import { topology } from '../support/stamp-agent.ts'

const [first] = topology().stamps as [Stamp]
const stamp = (name: string, over: Partial<Stamp> = {}): Stamp => ({ ...first, name, ...over })
const base: Topology = { ...topology(), stamps: [stamp('eu-1'), stamp('eu-2')] }
const [plane] = base.controlPlanes as [Topology['controlPlanes'][number]]

const refused: Readonly<Record<string, readonly [Partial<Topology>, RegExp]>> = {
  'another federation name': [{ federation: 'other' }, /federation acme would be named other/],
  'a new control plane': [
    { controlPlanes: [plane, { ...plane, name: 'second' }] },
    /control plane second would be new/,
  ],
  'a control plane that is gone': [{ controlPlanes: [] }, /control plane main would be gone/],
  'another home': [
    { controlPlanes: [{ ...plane, home: { geo: 'eu', stamp: 'eu-2' } }] },
    /the home of control plane main would be eu\/eu-2, and is eu\/eu-core/,
  ],
  'another hub store': [
    { controlPlanes: [{ ...plane, storeDomain: 'elsewhere' }] },
    /the store of control plane main would be elsewhere, and is hub/,
  ],
  'a stamp in another geo': [
    { stamps: [stamp('eu-1'), stamp('eu-2', { geo: 'us' })] },
    /stamp eu-2 would go from geo eu to us/,
  ],
  'the agent’s own stamp gone': [
    { stamps: [stamp('eu-2')] },
    /stamp eu-1, which this agent serves, would be gone/,
  ],
}

for (const [what, [over, reason]] of Object.entries(refused)) {
  test(`a reload refuses ${what}, and says how to go about it`, (t) => {
    const [told, ...others] = whyNotReload(base, { ...base, ...over }, 'eu-1')
    t.regex(told ?? '', reason)
    t.regex(told ?? '', /; /, 'a way out')
    t.deepEqual(others, [])
  })
}

const taken: Readonly<Record<string, Partial<Topology>>> = {
  'new and removed stamps': { stamps: [stamp('eu-1'), stamp('eu-3'), stamp('us-1')] },
  'its own stamp in another ring': { stamps: [stamp('eu-1', { ring: 'early' }), stamp('eu-2')] },
  'labels, links and handles': {
    stamps: [stamp('eu-1', { handles: ['deployment'], link: 'https' }), stamp('eu-2')],
  },
  'rings, stages and tasks': { rings: ['early', 'canary'], stages: [] },
  'other projects of a control plane': { controlPlanes: [{ ...plane, projects: ['shop'] }] },
  residency: { geos: [{ name: 'eu', residency: { leave: 'deny', allow: [] } }] },
}

for (const [what, over] of Object.entries(taken)) {
  test(`a reload takes over ${what}`, (t) => {
    t.deepEqual(whyNotReload(base, { ...base, ...over }, 'eu-1'), [])
  })
}

test('all reasons against a reload are told at once', (t) => {
  const next = { ...base, federation: 'other', controlPlanes: [], stamps: [] }
  t.is(whyNotReload(base, next, 'eu-1').length, 3)
})

test('the agent of a home stamp does not miss its stamp in the rings', (t) => {
  t.deepEqual(whyNotReload(base, { ...base, stamps: [] }, 'eu-core'), [])
})

test('stamps that come, go and move are told', (t) => {
  const next = { ...base, stamps: [stamp('eu-1', { ring: 'early' }), stamp('eu-3')] }
  t.deepEqual(topologyChange(base, next), { added: ['eu-3'], removed: ['eu-2'], moved: ['eu-1'] })
  t.deepEqual(topologyChange(base, base), { added: [], removed: [], moved: [] })
})
