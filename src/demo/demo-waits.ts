import { SignetError } from '../errors.ts'
import type { KeptnDouble } from './keptn/keptn-double.ts'
import type { SequenceView } from './keptn/sequence-view.ts'

/** What `work` gives, or SIGNET_STOPPED as soon as the signal is aborted; `work` is then left alone. */
export async function unlessStopped<T>(work: Promise<T>, stopped: AbortSignal): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(new SignetError('SIGNET_STOPPED', 'The demo was stopped.'))
    if (stopped.aborted) stop()
    stopped.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => stopped.removeEventListener('abort', stop))
  })
}

export interface StageWait {
  readonly context: string
  readonly stage: string
  readonly limitMs: number
  readonly stopped: AbortSignal
}

/**
 * The run of a context in a stage, once it has ended; undefined where it has not within the limit.
 * Leaves no timer behind, also when the signal is aborted: then it rejects with SIGNET_STOPPED.
 */
export async function stageEnd(
  keptn: KeptnDouble,
  { context, stage, limitMs, stopped }: StageWait,
): Promise<SequenceView | undefined> {
  let forget = (): void => {}
  let timer: NodeJS.Timeout | undefined
  const ended = new Promise<SequenceView | undefined>((resolve) => {
    const look = (): void => {
      const view = keptn
        .sequence(context)
        .findLast((each) => each.stage === stage && each.outcome !== undefined)
      if (view !== undefined) resolve(view)
    }
    forget = keptn.onChange(look)
    timer = setTimeout(() => resolve(undefined), limitMs)
    look()
  })
  try {
    return await unlessStopped(ended, stopped)
  } finally {
    forget()
    clearTimeout(timer)
  }
}
