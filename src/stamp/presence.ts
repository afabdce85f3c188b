import type { Integration } from '../domain/interest.ts'
import type { LinkInUse, Presence } from '../domain/presence.ts'
import type { Place } from '../domain/subject.ts'
import { presenceSubject } from '../domain/subject.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { TopologySource } from '../runtime/topology-source.ts'
import type { Registrations } from './registrations.ts'

export interface PresencePartOptions {
  readonly topology: TopologySource
  /** Where this stamp stands now. */
  readonly place: () => Place
  readonly messages: CoreMessages
  readonly agentVersion: string
  /** The ids of the stamp's agents; empty where nothing is known of them. */
  readonly agents: () => readonly string[]
  /** How long (ms) from one to the next. */
  readonly intervalMs: () => number
  readonly isKeptnConnected: () => boolean
  /** The link that the stamp is on; absent: NATS. */
  readonly link?: () => LinkInUse
  /** What this stamp's integrations want; a change of it is said at once. */
  readonly registrations: Pick<Registrations, 'list' | 'count' | 'onChange'>
  /** Integrations that the agent speaks for, and that are kept out of Keptn's Uniform. */
  readonly unregistered: readonly Integration[]
}

/** Says every few seconds, to every control plane, that this stamp is there and what it wants. */
export class PresencePart implements Part {
  readonly name = 'presence'
  readonly #options: PresencePartOptions
  #timer: NodeJS.Timeout | undefined
  #forget: readonly (() => void)[] = []

  constructor(options: PresencePartOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    const { registrations, topology } = this.#options
    this.#sayAgain()
    this.#forget = [
      registrations.onChange((change) => {
        if (change !== 'entry') this.#say()
      }),
      topology.onChange(() => {
        this.#say()
      }),
    ]
    return Promise.resolve()
  }

  stop(): Promise<void> {
    clearTimeout(this.#timer)
    for (const forget of this.#forget) forget()
    return Promise.resolve()
  }

  #sayAgain(): void {
    this.#say()
    this.#timer = setTimeout(() => {
      this.#sayAgain()
    }, this.#options.intervalMs())
  }

  #say(): void {
    const { topology, place, messages, agentVersion, isKeptnConnected, registrations } =
      this.#options
    const agents = this.#options.agents()
    const presence: Presence = {
      version: 1,
      agent: agentVersion,
      keptn: isKeptnConnected(),
      integrations: this.#integrations(),
      alive: registrations.count.alive,
      link: this.#options.link?.() ?? 'nats',
      ...(agents.length === 0 ? {} : { agents }),
    }
    const { federation, controlPlanes } = topology.current
    for (const { name } of controlPlanes) {
      const scope = { federation, controlPlane: name }
      messages.say(presenceSubject(scope, place()), presence)
    }
  }

  /** Null where nothing is known. */
  #integrations(): readonly Integration[] | null {
    const { registrations, unregistered } = this.#options
    const known = registrations.list()
    return unregistered.length === 0 ? (known ?? null) : [...(known ?? []), ...unregistered]
  }
}
