import type { Presence } from '../domain/presence.ts'
import type { Place } from '../domain/subject.ts'
import { presenceSubject } from '../domain/subject.ts'
import type { Topology } from '../domain/topology.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Part } from '../runtime/lifecycle.ts'
import type { Registrations } from './registrations.ts'

export interface PresencePartOptions {
  readonly topology: Topology
  readonly place: Place
  readonly messages: CoreMessages
  readonly agentVersion: string
  readonly intervalMs: number
  readonly isKeptnConnected: () => boolean
  /** What this stamp's integrations want; a change of it is said at once. */
  readonly registrations: Pick<Registrations, 'list' | 'count' | 'onChange'>
}

/** Says every few seconds, to every control plane, that this stamp is there and what it wants. */
export class PresencePart implements Part {
  readonly name = 'presence'
  readonly #options: PresencePartOptions
  #timer: NodeJS.Timeout | undefined
  #forgetRegistrations: (() => void) | undefined

  constructor(options: PresencePartOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    this.#say()
    this.#timer = setInterval(() => {
      this.#say()
    }, this.#options.intervalMs)
    this.#forgetRegistrations = this.#options.registrations.onChange((change) => {
      if (change !== 'entry') this.#say()
    })
    return Promise.resolve()
  }

  stop(): Promise<void> {
    clearInterval(this.#timer)
    this.#forgetRegistrations?.()
    return Promise.resolve()
  }

  #say(): void {
    const { topology, place, messages, agentVersion, isKeptnConnected, registrations } =
      this.#options
    const presence: Presence = {
      version: 1,
      agent: agentVersion,
      keptn: isKeptnConnected(),
      integrations: registrations.list() ?? null,
      alive: registrations.count.alive,
    }
    for (const { name } of topology.controlPlanes) {
      const scope = { federation: topology.federation, controlPlane: name }
      messages.say(presenceSubject(scope, place), presence)
    }
  }
}
