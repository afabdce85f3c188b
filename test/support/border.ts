import { Border } from '../../src/flow/border.ts'
import { Metrics } from '../../src/observe/metrics.ts'
import { topology } from './stamp-agent.ts'

/** A border that lets everything through. */
export function openBorder(): Border {
  return new Border({ topology: { current: topology() }, metrics: new Metrics() })
}
