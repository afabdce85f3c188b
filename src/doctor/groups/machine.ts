import { check } from '../check.ts'
import type { Group } from '../check.ts'
import type { ClockFacts } from '../facts.ts'

const LEAST_NODE = [20, 19] as const
const LEAST_FILES = 1_024
/** An agent keeps 70 MB and more, and bodies of calls on top. */
const LEAST_MEMORY = 160 * 1_048_576
/** When this was written: a clock that shows an earlier day is not set. */
const EARLIEST = Date.UTC(2026, 0, 1)
const SKEW_MS = 2_000
const LARGE_SKEW_MS = 30_000

/** Where the agent runs, and its clock. */
export const machineGroup: Group = {
  name: 'machine',
  title: 'Machine and clocks',
  checks: [
    check({
      code: 'DOC-401',
      severity: 'error',
      title: 'Node is too old.',
      why: 'Signet uses what older versions lack; it may fail anywhere.',
      mend: 'Run it with Node 20.19 or newer, or with its image.',
      reads: ['machine'],
      judge: ({ machine: { node } }) => (isOlder(node) ? [`this is Node ${node}`] : []),
    }),
    check({
      code: 'DOC-402',
      severity: 'warning',
      title: 'The process may open few files and sockets.',
      why: 'Every integration and every call holds sockets; when none is left, new ones are refused.',
      mend: 'Raise the hard limit (`ulimit -Hn`, or LimitNOFILE of the container runtime) to 4096 or more.',
      reads: ['machine'],
      judge: ({ machine: { openFiles = Infinity } }) =>
        openFiles < LEAST_FILES ? [`${openFiles} at most`] : [],
    }),
    check({
      code: 'DOC-403',
      severity: 'warning',
      title: 'The container has little memory.',
      why: 'The kernel ends an agent that needs more in a busy hour; others take over after some seconds.',
      mend: 'Raise the memory limit of the pod to 256 MiB or more.',
      reads: ['machine'],
      judge: ({ machine: { memoryBytes = Infinity } }) =>
        memoryBytes < LEAST_MEMORY ? [`${Math.round(memoryBytes / 1_048_576)} MiB`] : [],
    }),
    check({
      code: 'DOC-404',
      severity: 'error',
      title: 'The clock of this machine is not set.',
      why: 'Certificates do not count yet, and times of events make no sense.',
      mend: 'Let the node synchronise its clock (chrony, systemd-timesyncd).',
      reads: ['setup'],
      judge: ({ setup: { now } }) => (now < EARLIEST ? [new Date(now).toISOString()] : []),
    }),
    check({
      code: 'DOC-405',
      severity: 'warning',
      title: 'Clocks differ by seconds.',
      why: 'Times in traces and rollouts contradict each other, and clocks of fan-outs end waits early or late.',
      mend: 'Synchronise the clocks of both machines (NTP), and look which of them is wrong.',
      reads: ['clocks'],
      judge: ({ clocks }) =>
        clocks.filter((it) => skewOf(it) >= SKEW_MS && skewOf(it) < LARGE_SKEW_MS).map(toldSkew),
    }),
    check({
      code: 'DOC-406',
      severity: 'error',
      title: 'Clocks differ by half a minute or more.',
      why: 'Waits of fan-outs end at the wrong time, tokens and certificates may not count, and Keptn orders sequences wrongly.',
      mend: 'Synchronise the clocks of both machines (NTP) before anything else.',
      reads: ['clocks'],
      judge: ({ clocks }) => clocks.filter((it) => skewOf(it) >= LARGE_SKEW_MS).map(toldSkew),
    }),
  ],
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1])
}

/** What is sure of a difference, in milliseconds. */
function skewOf({ leastMs, mostMs }: ClockFacts): number {
  return Math.max(0, leastMs, -mostMs)
}

function toldSkew(clock: ClockFacts): string {
  const seconds = (skewOf(clock) / 1_000).toFixed(1)
  return `the clock of ${clock.whose} is ${seconds} s ${clock.leastMs > 0 ? 'ahead of' : 'behind'} ours, at least`
}
