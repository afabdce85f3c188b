import type { Stamp } from '../domain/topology.ts'
import { controlHandler } from './control-handler.ts'
import type { ControlHandler } from './control-handler.ts'
import type { HubParts } from './control-handlers.ts'

/** `stamp-ls`, `stamp-approve`, `stamp-drain`, `stamp-undrain` (DESIGN 5, 7.8). */
export function stampHandlers({ membership, stamps }: HubParts): readonly ControlHandler[] {
  const changing = (verb: string, change: (stamp: string) => Promise<Stamp>): ControlHandler =>
    controlHandler({
      verb,
      changes: true,
      read: (args) => args.text('stamp', 63),
      handle: async (name) => {
        await change(name)
        return stamps().find(({ stamp }) => stamp === name)
      },
    })
  return [
    controlHandler({
      verb: 'stamp-ls',
      changes: false,
      read: () => undefined,
      handle: () => Promise.resolve(stamps()),
    }),
    changing('stamp-approve', (stamp) => membership.approve(stamp)),
    changing('stamp-drain', (stamp) => membership.drain(stamp)),
    changing('stamp-undrain', (stamp) => membership.undrain(stamp)),
  ]
}
