import test from 'ava'
import { PauseWatch } from '../../src/hub/pause-watch.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { silent } from '../support/registrations.ts'
import { fanOut, OPENED } from './fanin-builders.ts'

/** A watch with a clock and a Keptn of its own. */
function watch() {
  const keptn = { says: false as boolean | Error, asked: 0, now: OPENED }
  const pauses = new PauseWatch({
    isPaused: () => {
      keptn.asked += 1
      const { says } = keptn
      return says instanceof Error ? Promise.reject(says) : Promise.resolve(says)
    },
    now: () => keptn.now,
    log: silent,
    metrics: new Metrics(),
  })
  return { keptn, pauses }
}

const opened = fanOut({ storedAt: OPENED })
const held = { ...opened, paused: { since: OPENED, keptn: { at: OPENED } } }

test('Keptn is asked before stamps begin, and an answer holds for two seconds', async (t) => {
  const { keptn, pauses } = watch()
  t.is(await pauses.ask(opened), 'going', 'Keptn has just sent the task')
  t.is(keptn.asked, 0)
  keptn.now += 2_000
  t.is(await pauses.ask(opened), 'going')
  t.is(await pauses.ask(opened), 'going')
  t.is(keptn.asked, 1)
  keptn.now += 2_000
  keptn.says = true
  t.is(await pauses.ask(opened), 'paused')
  t.is(await pauses.ask(held), 'paused')
  t.is(keptn.asked, 3, 'what is paused is asked about each time')
})

test('a Keptn that is silent holds waves up for a minute, and what was paused for good', async (t) => {
  const { keptn, pauses } = watch()
  keptn.now += 10_000
  keptn.says = new Error('down')
  t.is(await pauses.ask(opened), 'unknown')
  t.is(await pauses.ask(opened), 'unknown')
  t.is(keptn.asked, 1, 'it is not asked again at once')
  keptn.now += 59_999
  t.is(await pauses.ask(opened), 'unknown')
  keptn.now += 1
  t.is(await pauses.ask(opened), 'going')
  t.is(await pauses.ask(held), 'paused')
  keptn.now += 3_000
  keptn.says = false
  t.is(await pauses.ask(held), 'going')
})
