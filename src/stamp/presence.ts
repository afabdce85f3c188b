import type { Integration } from '../domain/interest.ts'
import type { Presence } from '../domain/presence.ts'
import type { Place } from '../domain/subject.ts'
import { presenceSubject } from '../domain/subject.ts'
import type { Topology } from '../domain/topology.ts'
import type { CoreMessages } from '../links/core-messages.ts'
import type { Part } from '../runtime/lifecycle.ts'

export interface PresencePartOptions {
  readonly topology: Topology
  readonly place: Place
  readonly messages: CoreMessages
  readonly agentVersion: string
  readonly intervalMs: number
  readonly isKeptnConnected: () => boolean
  /** Undefined where nothing is known of this stamp's integrations. */
  readonly integrations: () => readonly Integration[] | undefined
}

/** Says every few seconds, to every control plane, that this stamp is there and what it wants. */
export class PresencePart implements Part {
  readonly name = 'presence'
  readonly #options: PresencePartOptions
  #timer: NodeJS.Timeout | undefined

  constructor(options: PresencePartOptions) {
    this.#options = options
  }

  start(): Promise<void> {
    this.say()
    this.#timer = setInterval(() => {
      this.say()
    }, this.#options.intervalMs)
    return Promise.resolve()
  }

  stop(): Promise<void> {
    clearInterval(this.#timer)
    return Promise.resolve()
  }

  /** Says it now, for example because the interest changed. */
  say(): void {
    const { topology, place, messages, agentVersion, isKeptnConnected, integrations } =
      this.#options
    const presence: Presence = {
      version: 1,
      agent: agentVersion,
      keptn: isKeptnConnected(),
      integrations: integrations() ?? null,
    }
    for (const { name } of topology.controlPlanes) {
      const scope = { federation: topology.federation, controlPlane: name }
      messages.say(presenceSubject(scope, place), presence)
    }
  }
}
