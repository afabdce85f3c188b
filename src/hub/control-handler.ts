import type { ControlArguments } from '../domain/control-arguments.ts'

/** What a handler is told beside its arguments. */
export interface ControlCall {
  /** `user@host`, as whoever asks claims. */
  readonly by: string
  /** The stamp and the geo in which the command runs, as it says; absent where it does not. */
  readonly stamp?: string
  readonly geo?: string
  /** Aborted when nobody waits for the answer any more, and when the hub stops. */
  readonly signal: AbortSignal
  /** Says how far the work is, for whoever watches; told once a second. */
  readonly progress: (about: object) => void
}

/**
 * What the hub does for one verb. One that `changes` something must be idempotent: whoever got no answer asks
 * again. Made by `controlHandler`.
 */
export interface ControlHandler {
  /** A token of the subject, so that NATS permissions can allow it to some only: `rollout-ls`. */
  readonly verb: string
  readonly changes: boolean
  /** The value is sent as JSON. A `SignetError` is what whoever asks is told. */
  handle(args: ControlArguments, call: ControlCall): Promise<unknown>
}

/** A handler whose arguments are read, and refused where wrong or unknown, before anything is done. */
export function controlHandler<Args>(handler: {
  readonly verb: string
  readonly changes: boolean
  readonly read: (args: ControlArguments) => Args
  readonly handle: (args: Args, call: ControlCall) => Promise<unknown>
}): ControlHandler {
  const { verb, changes, read, handle } = handler
  return {
    verb,
    changes,
    handle(args, call) {
      const wanted = read(args)
      args.finish()
      return handle(wanted, call)
    },
  }
}
