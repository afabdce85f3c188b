import type { ExecutionContext } from 'ava'
import test from 'ava'
import { setTimeout as sleep } from 'node:timers/promises'
import { SignetError } from '../../src/errors.ts'
import { RegistrationsUplink } from '../../src/stamp/registrations-uplink.ts'
import { eventually } from '../support/eventually.ts'
import { registered, registrations, silent } from '../support/registrations.ts'
import { QUICK } from '../support/uniform-pod.ts'

const NOT_AGAIN = { firstMs: 60_000, mostMs: 60_000 }

/** An uplink that visits nobody, and notes whom it would have. */
async function rig(t: ExecutionContext, make: (id: string) => Promise<void> | void = () => {}) {
  const known = registrations()
  const visits: string[] = []
  const uplink = new RegistrationsUplink({
    registrations: known,
    visit: {
      async make(id) {
        visits.push(id)
        await make(id)
      },
    },
    now: () => performance.timeOrigin + performance.now(),
    // Whatever failed is not tried again while a test lasts.
    pace: { ...QUICK, backoff: NOT_AGAIN, outage: NOT_AGAIN },
    log: silent,
  })
  await uplink.start()
  t.teardown(() => uplink.stop())
  return { known, visits, uplink }
}

test('a change is told at once, and not when the clock is looked at next', async (t) => {
  const { known, visits } = await rig(t)
  // Its first look found nothing; the next would be a second after it.
  await sleep(100)
  await registered(known)
  // Timers come in their order, however slow the machine is.
  await sleep(500)
  t.true(visits.length > 0)
})

test('while there is no way, one is tried for all', async (t) => {
  const { known, visits } = await rig(t, () => {
    throw new SignetError('SIGNET_TUNNEL_NO_HUB', 'There is no hub.')
  })
  for (let index = 0; index < 20; index += 1) await registered(known, { name: `of-${index}` })
  await eventually('one is tried', () => visits.length > 0)
  // In this time ten would be, if nothing held them back.
  await sleep(500)
  t.is(visits.length, 1)
})

test('what is refused of one holds up no other', async (t) => {
  const { known, visits } = await rig(t, () => {
    throw new SignetError('SIGNET_REGISTRATION_REFUSED', 'No.')
  })
  for (let index = 0; index < 5; index += 1) await registered(known, { name: `of-${index}` })
  await eventually('all are tried', () => new Set(visits).size === 5)
  t.is(visits.length, 5)
})

test('a stop gives up what is under way, and tells nothing more', async (t) => {
  let ended = 0
  const { known, visits, uplink } = await rig(t, async () => {
    await sleep(20)
    ended += 1
  })
  await registered(known)
  await eventually('one is under way', () => visits.length === 1)
  await uplink.stop()
  t.is(ended, 1)
  await registered(known, { name: 'late' })
  await sleep(100)
  t.is(visits.length, 1)
})
