import { setMaxListeners } from 'node:events'
import type { NatsSide } from '../links/nats-side.ts'
import { following } from '../runtime/abort.ts'
import type { FactName, Facts, FactValues, Seen, SetupFacts } from './facts.ts'
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
  readonly #sides = new Map<'gateway' | 'keptn', Promise<Dialled>>()
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
      oneAccount: (signal) =>
        this.#connected((gateway, keptn) => areOneAccount(gateway, keptn, signal)),
      stores: async () => {
        const { gateway, keptn } = await this.#whoever()
        return (gateway ?? keptn) ? readStores(setup, gateway, keptn) : NOBODY
      },
      consumers: async (signal) => {
        const { gateway, keptn } = await this.#whoever()
        return (gateway ?? keptn) ? readConsumers(setup, gateway, keptn, signal) : NOBODY
      },
      lease: () => this.#connected((gateway, keptn) => readLease(setup, gateway, keptn)),
      clocks: (signal) =>
        this.#connected(async (gateway, keptn) => {
          const servers = await readClocks(setup, gateway, keptn, signal)
          const clocks = [...servers, ...hubClocks(await this.#askHubs())]
          return clocks.length > 0
            ? clocks
            : 'no server tells its clock, and no agent renews a lease'
        }),
      rights: async () => {
        const { gateway } = await this.#whoever()
        return gateway === undefined ? NO_GATEWAY : readRights(setup, gateway)
      },
      deadLetters: async () => {
        const { gateway } = await this.#whoever()
        return gateway === undefined ? NO_GATEWAY : readDeadLetters(setup, gateway)
      },
      hubs: async () => {
        const { gateway } = await this.#whoever()
        return gateway === undefined ? NO_GATEWAY : this.#askHubs()
      },
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

  #dial(name: 'gateway' | 'keptn'): Promise<Dialled> {
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
    const names = ['gateway', 'keptn'] as const
    return Promise.all(
      names.map(async (name) => sideFacts(name, setup, (await this.#dial(name)).facts)),
    )
  }

  /** The sides that are connected. */
  async #whoever(): Promise<{ readonly gateway?: NatsSide; readonly keptn?: NatsSide }> {
    const both = await Promise.all([this.#dial('gateway'), this.#dial('keptn')])
    return Object.fromEntries(
      both.flatMap(({ name, side, facts }) => (facts.kind === 'connected' ? [[name, side]] : [])),
    )
  }

  async #connected<T>(
    work: (gateway: NatsSide, keptn: NatsSide) => Promise<T | string>,
  ): Promise<T | string> {
    const { gateway, keptn } = await this.#whoever()
    if (gateway === undefined || keptn === undefined) return NOT_BOTH
    return work(gateway, keptn)
  }
}

/** Gathers a fact, or says why it is not to be had. */
type Probe<T> = (signal: AbortSignal) => Promise<T | string>

const NOBODY = 'no NATS side is connected'
const NO_GATEWAY = 'the gateway NATS is not connected'
const NOT_BOTH = 'one of the two NATS sides is not connected'

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
