import type { KeptnEvent } from '../domain/event.ts'

/**
 * Holds a `.triggered` back until an integration that wants it is alive: Keptn's core subscriptions lose
 * what arrives while a pod restarts, and a lost `.triggered` stalls its task (DESIGN 7.1).
 */
export interface Gate {
  /** Resolves when the event may be handed over; rejects when the stamp stops. */
  opened(event: KeptnEvent): Promise<void>
}

/** For a stamp whose integrations nobody knows: everything passes. */
export const openGate: Gate = { opened: () => Promise.resolve() }
