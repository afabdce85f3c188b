import test from 'ava'
import type { Registration } from '../../src/domain/registration.ts'
import { parseRegistration } from '../../src/domain/registration-parse.ts'
import { SEEN_ALIVE_MS, seenStamps } from '../../src/domain/stamp-registrations.ts'

const NOW = Date.parse('2026-03-01T10:00:00Z')

function registration(name: string, namespace: string, lastseen: string): Registration {
  const subscriptions = [{ id: '1', event: `sh.keptn.event.${name}.triggered`, filter: null }]
  const metadata = { lastseen, kubernetesmetadata: { namespace } }
  const parsed = parseRegistration({ id: `${name}-${namespace}`, name, metadata, subscriptions })
  if (!parsed.ok) throw new Error(parsed.detail)
  return parsed.value
}

test('integrations belong to the stamp that their namespace ends with', (t) => {
  const seen = seenStamps(
    [
      registration('test', 'keptn.eu-1', '2026-03-01T09:59:50Z'),
      registration('deployment', 'keptn.eu-1', '2026-03-01T09:00:00Z'),
      registration('deployment', 'other.eu-2', '2026-03-01T09:59:40.5Z'),
      registration('deployment', 'eu-1', '2026-03-01T10:00:00Z'),
      registration('deployment', '.eu-1', '2026-03-01T10:00:00Z'),
    ],
    0,
    NOW,
  )
  t.deepEqual([...seen.keys()], ['eu-1', 'eu-2'])
  const first = seen.get('eu-1')
  t.like(first, { alive: 1, seenAt: NOW - 10_000 })
  t.deepEqual(
    first?.integrations.map(({ name, alive }) => [name, alive]),
    [
      ['deployment', false],
      ['test', true],
    ],
  )
  t.like(seen.get('eu-2'), { alive: 1, seenAt: NOW - 19_500 })
})

test('what Keptn saw is told in our own time', (t) => {
  const at = (lastseen: string, clockMs: number) =>
    seenStamps([registration('test', 'keptn.eu-1', lastseen)], clockMs, NOW).get('eu-1')
  t.is(at('2026-03-01T10:05:00Z', 300_000)?.seenAt, NOW, 'its clock is ahead')
  t.is(at('2026-03-01T09:55:00Z', -300_000)?.seenAt, NOW, 'its clock is behind')
  t.is(at('2026-03-01T11:00:00Z', 0)?.seenAt, NOW, 'nobody is seen in the future')
  t.like(at('0001-01-01T00:00:00Z', 0), { alive: 0 })
  t.like(at('', 0), { alive: 0, seenAt: 0 })
  t.is(at(new Date(NOW - SEEN_ALIVE_MS).toISOString(), 0)?.alive, 0)
  t.is(at(new Date(NOW - SEEN_ALIVE_MS + 1).toISOString(), 0)?.alive, 1)
})
