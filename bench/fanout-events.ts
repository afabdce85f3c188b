import { randomUUID } from 'node:crypto'
import { about, envelope } from './keptn-events.ts'

/** The task that is fanned out, and the stage that means all stamps. */
export const TASK = 'deployment'
export const STAGE = 'prod'

/** The `.triggered` of a task as shipyard-controller says it (wire 1.4), in a context of its own. */
export function taskTriggered(): {
  readonly id: string
  readonly type: string
  readonly body: string
} {
  const id = randomUUID()
  const type = `sh.keptn.event.${TASK}.triggered`
  const event = {
    ...envelope(type, id, randomUUID()),
    data: {
      ...about(STAGE),
      deployment: { deploymentURIsLocal: null, deploymentstrategy: 'blue_green_service' },
      configurationChange: { values: { image: 'keptnexamples/carts:0.13.1' } },
    },
    gitcommitid: '8a9b0c1d2e3f405162738495a6b7c8d9e0f10213',
  }
  return { id, type, body: JSON.stringify(event) }
}
