import { setMaxListeners } from 'node:events'
import type { NatsSide } from '../links/nats-side.ts'
import { following } from '../runtime/abort.ts'
import type { FactName, Facts, FactValues, Seen, SetupFacts, SideName } from './facts.ts'
import { askAgent } from './probes/agent.ts'
import { hubClocks, readClocks } from './probes/clocks.ts'
import { readConsumers } from './probes/consumers.ts'
import { readDeadLetters } from './probes/dead-letters.ts'
import { readFiles } from './probes/files.ts'
import { askHubs } from './probes/hubs.ts'
import type { AskedHub } from './probes/hubs.ts'
import { askApi, askRegistrations, askServices } from './probes/keptn.ts'
import { readLease } from './probes/lease.ts'
import { readMachine } from './probes/machine.ts'
import type { ConnectedSides } from './probes/places.ts'
import { usesGateway } from './probes/places.ts'
import { readRights } from './probes/rights.ts'
import type { Dialled } from './probes/sides.ts'
import { areOneAccount, dial, sideFacts } from './probes/sides.ts'
import { readStores } from './probes/stores.ts'

export interface ExamineOptions {
  readonly setup: SetupFacts
  /** The facts that are wanted; nobody is asked for others. */
  readonly wanted: ReadonlySet<FactName>
  /** Where the admin port of the agent is. */
  readonly agentUrl: string
  /** `user@host`, as the hub logs it. */
  readonly by: string
  readonly signal: AbortSignal
  /** Called with each fact that was settled: how many are, and of how many. */
  readonly onProgress: (done: number, of: number) => void
}

/** No fact is waited for longer, in milliseconds: one that hangs must not hide the others. */
const FACT_MS = 15_000

/** Gathers facts side by side, each within its own time. Rejects only with the reason of `signal`. */
export async function examine(options: ExamineOptions): Promise<Facts> {
  // Every probe listens to it.
  setMaxListeners(0, options.signal)
  const examination = new Examination(options)
  try {
    return await examination.facts()
  } finally {
    await examination.close()
  }
}

class Examination {
  readonly #options: ExamineOptions
  readonly #sides = new Map<SideName, Promise<Dialled>>()
  #hubs: Promise<readonly AskedHub[]> | undefined
  #done = 0

  constructor(options: ExamineOptions) {
    this.#options = options
  }

  async facts(): Promise<Facts> {
    const { setup } = this.#options
    const probes = this.#probes()
    const settled = await Promise.all(
      Object.entries(probes).map(async ([name, probe]) => [
        name,
        await this.#settled(name as FactName, probe as Probe<unknown>),
      ]),
    )
    return { ...(Object.fromEntries(settled) as Facts), setup: { seen: true, value: setup } }
  }

  async close(): Promise<void> {
    for (const dialled of await Promise.allSettled(this.#sides.values()))
      if (dialled.status === 'fulfilled') await dialled.value.side.close()
  }

  /** How each fact is had; a text is why it is not. */
  #probes(): { readonly [Name in Exclude<FactName, 'setup'>]: Probe<FactValues[Name]> } {
    const { setup, agentUrl } = this.#options
    return {
      files: () => readFiles(setup.settings),
      machine: () => readMachine(),
      sides: (signal) => this.#bothSides(signal),
      oneAccount: async (signal) => {
        const { gateway, keptn } = await this.#whoever()
        if (gateway === undefined || keptn === undefined)
          return this.#noGateway() ?? 'one of the two NATS sides is not connected'
        return areOneAccount(gateway, keptn, signal)
      },
      stores: () => this.#connected((sides) => readStores(setup, sides)),
      consumers: (signal) => this.#connected((sides) => readConsumers(setup, sides, signal)),
      lease: () => this.#connected((sides) => readLease(setup, sides)),
      clocks: (signal) =>
        this.#connected(async (sides) => {
          const servers = await readClocks(setup, sides, signal)
          const hubs = sides.gateway === undefined ? [] : await this.#askHubs()
          const clocks = [...servers, ...hubClocks(hubs)]
          if (clocks.length > 0) return clocks
          return 'no server tells its clock, and no agent renews a lease'
        }),
      rights: () => this.#atGateway((gateway) => readRights(setup, gateway)),
      deadLetters: () => this.#connected((sides) => readDeadLetters(setup, sides)),
      hubs: () => this.#atGateway(() => this.#askHubs()),
      agent: (signal) => askAgent(agentUrl, signal),
      api: async (signal) => {
        const asked = await askApi(setup, signal)
        return asked.length > 0 ? asked : 'no Keptn API is set here'
      },
      services: (signal) => askServices(setup, signal),
      registrations: (signal) => askRegistrations(setup, signal),
    }
  }

  async #settled<T>(name: FactName, probe: Probe<T>): Promise<Seen<T>> {
    const { wanted, signal, onProgress } = this.#options
    if (!wanted.has(name)) return { seen: false, why: 'nobody wants to know' }
    const seen = await seenWithin(probe, signal)
    this.#done += 1
    onProgress(this.#done, wanted.size)
    return seen
  }

  #dial(name: SideName): Promise<Dialled> {
    const { setup, signal } = this.#options
    const dialling = this.#sides.get(name) ?? dial(name, setup, signal)
    this.#sides.set(name, dialling)
    return dialling
  }

  #askHubs(): Promise<readonly AskedHub[]> {
    const { setup, by, signal } = this.#options
    this.#hubs ??= askHubs(setup, by, signal)
    return this.#hubs
  }

  async #bothSides(signal: AbortSignal) {
    signal.throwIfAborted()
    const { setup } = this.#options
    return Promise.all(
      this.#names.map(async (name) => sideFacts(name, setup, (await this.#dial(name)).facts)),
    )
  }

  /** The sides that an agent of this stamp has. */
  get #names(): readonly SideName[] {
    return usesGateway(this.#options.setup) ? ['gateway', 'keptn'] : ['keptn']
  }

  #noGateway(): string | undefined {
    return usesGateway(this.#options.setup)
      ? undefined
      : 'the link of this stamp is https: it has no gateway'
  }

  async #whoever(): Promise<ConnectedSides> {
    const dialled = await Promise.all(this.#names.map((name) => this.#dial(name)))
    return Object.fromEntries(
      dialled.flatMap(({ name, side, facts }) =>
        facts.kind === 'connected' ? [[name, side]] : [],
      ),
    )
  }

  async #connected<T>(work: (sides: ConnectedSides) => Promise<T | string>): Promise<T | string> {
    const sides = await this.#whoever()
    const isNobody = sides.gateway === undefined && sides.keptn === undefined
    return isNobody ? 'no NATS side is connected' : work(sides)
  }

  async #atGateway<T>(work: (gateway: NatsSide) => Promise<T | string>): Promise<T | string> {
    const { gateway } = await this.#whoever()
    if (gateway !== undefined) return work(gateway)
    return this.#noGateway() ?? 'the gateway NATS is not connected'
  }
}

/** Gathers a fact, or says why it is not to be had. */
type Probe<T> = (signal: AbortSignal) => Promise<T | string>

async function seenWithin<T>(probe: Probe<T>, outer: AbortSignal): Promise<Seen<T>> {
  using given = following({ signals: [outer], timeoutMs: FACT_MS })
  const { signal } = given
  const overdue = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
  })
  try {
    const value = await Promise.race([probe(signal), overdue])
    return typeof value === 'string' ? { seen: false, why: value } : { seen: true, value }
  } catch (error) {
    outer.throwIfAborted()
    if (signal.aborted) return { seen: false, why: `it took longer than ${FACT_MS / 1_000} s` }
    return { seen: false, why: error instanceof Error ? error.message : String(error) }
  }
}
