import type { NatsSide } from './links/nats-side.ts'
import { refuseOneAccount } from './links/one-account.ts'
import type { Part } from './runtime/lifecycle.ts'

/** Connects a side, however long it takes. */
export function sidePart(side: NatsSide): Part {
  return {
    name: `${side.name} NATS`,
    start: (signal) => side.connect(signal),
    stop: () => side.close(),
  }
}

/** Refuses two sides that are one account. */
export function probePart(gateway: NatsSide, keptn: NatsSide): Part {
  return {
    name: 'probe for two accounts',
    start: (signal) => refuseOneAccount(gateway, keptn, signal),
    stop: () => Promise.resolve(),
  }
}
