import type { AgentInside, Rig } from './federation.ts'
import { eventually, HOME, startRig } from './federation.ts'
import { begin } from './delivery.ts'
import { PollingStamps } from './polling-stamps.ts'
import type { SimulatedStamps } from './simulated-stamps.ts'
import { servicesAt, tunnelConfig } from './tunnel-config.ts'

const geo = 'hub'
const STAMPS = [
  { name: 'canary-h', geo, ring: 'canary', link: 'https' },
  { name: 'canary-n', geo, ring: 'canary', link: 'nats' },
  { name: 'early-h', geo, ring: 'early', link: 'https' },
  { name: 'early-n', geo, ring: 'early', link: 'nats' },
  { name: 'either', geo, ring: 'either', link: 'auto' },
  // Of whom nobody has ever heard, so that it may want anything.
  { name: 'mute', geo, ring: 'mute', link: 'nats' },
] as const
const TASKS = ['deployment', 'brisk']

/** A task `brisk` that nobody starts is given up after so long. */
export const START_TIMEOUT_MS = 2_500
export const PASSED = { result: 'pass', status: 'succeeded' }
export const FAILED = { result: 'fail', status: 'errored' }

interface Listed {
  readonly stamp: string
  readonly online: boolean
  readonly link: string
  readonly linkInUse?: string
  readonly integrations?: object
}

/**
 * A real hub, and in each of two rings a stamp with NATS and one that polls: stage `dev` means the first,
 * `prod` both; stage `cut` means one whose link is `auto`.
 */
export class PollingRig implements AsyncDisposable {
  readonly rig: Rig
  readonly nats: SimulatedStamps
  readonly polling: PollingStamps
  #hub: AgentInside

  private constructor(rig: Rig, nats: SimulatedStamps, polling: PollingStamps, hub: AgentInside) {
    this.rig = rig
    this.nats = nats
    this.polling = polling
    this.#hub = hub
  }

  static async start(): Promise<PollingRig> {
    const rig = await startRig({
      rings: ['canary', 'early', 'either', 'mute'],
      stamps: [],
      absent: STAMPS,
      stages: [
        { stage: 'dev', rings: ['canary'] },
        { stage: 'prod', rings: ['canary', 'early'] },
        { stage: 'cut', rings: ['either'] },
        { stage: 'mute', rings: ['mute'] },
      ],
      tasks: { brisk: { startTimeout: `${START_TIMEOUT_MS}ms` } },
    })
    const sequences = TASKS.map((name) => ({ name, tasks: [{ name }] }))
    const stages = ['dev', 'prod', 'cut'].map((name) => ({ name, sequences }))
    const keptn = await rig.startKeptn([], { shipyard: { spec: { stages } }, validateEvents: true })
    const stamps = STAMPS.filter(({ link }) => link !== 'nats')
    const polling = await PollingStamps.start(keptn, stamps, TASKS)
    const nats = await rig.simulateAbsent(TASKS)
    nats.leave('mute')
    return new PollingRig(rig, nats, polling, await startHub(rig))
  }

  get hub(): AgentInside {
    return this.#hub
  }

  async startHubAgain(): Promise<void> {
    this.#hub = await startHub(this.rig)
  }

  /** All stamps do what they are asked, at once. */
  reset(): void {
    this.nats.manner = () => ({})
    this.polling.manner = () => ({})
    this.polling.copies = 1
  }

  /** The reasons of all dead letters. */
  async deadLetters(): Promise<readonly string[]> {
    return (await this.rig.deadLetters()).map(({ reason }) => reason)
  }

  /** A stamp in `/status` of the hub. */
  async listed(stamp: string): Promise<Listed | undefined> {
    const response = await fetch(`${this.hub.adminUrl}/status`)
    const { hubs } = (await response.json()) as { hubs: { stamps: Listed[] }[] }
    return hubs[0]?.stamps.find((each) => each.stamp === stamp)
  }

  /** Begins a sequence of one task, and resolves with the task's id once Keptn has published it. */
  async taskOf(stage: string, sequence: string): Promise<{ context: string; id: string }> {
    const service = `cart-${Math.random()}`
    const { context } = await begin(this.rig, { stage, sequence, service })
    const type = `sh.keptn.event.${sequence}.triggered`
    const [row] = await eventually(() => {
      const rows = this.rig.keptn.stored({ context, type })
      return rows.length > 0 && rows
    })
    return { context, id: row?.event.id ?? '' }
  }

  /** The stamp with both links has NATS no more, and says so to Keptn. */
  async loseNats(): Promise<void> {
    this.nats.leave('either')
    const isSeen = async () => {
      await this.polling.register('either')
      return (await this.listed('either'))?.linkInUse === 'https'
    }
    await eventually(isSeen, 20_000, 'the hub knows it from Keptn')
  }

  async findNats(): Promise<void> {
    this.nats.comeBack('either')
    const isHeard = async () => (await this.listed('either'))?.linkInUse !== 'https'
    await eventually(isHeard, 20_000, 'the hub hears it again')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.polling[Symbol.asyncDispose]()
    await this.rig[Symbol.asyncDispose]()
  }
}

function startHub(rig: Rig): Promise<AgentInside> {
  const way = { kind: 'internal', urls: servicesAt(rig.keptn.url) } as const
  return rig.startAgentInside(HOME, { tunnel: tunnelConfig({ way }), registrationsMs: 100 })
}
