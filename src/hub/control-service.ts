import { ControlArguments } from '../domain/control-arguments.ts'
import type { ControlAnswer, ControlRequest } from '../domain/control.ts'
import { ABANDONED_MS, parseControlRequest, PROGRESS_MS } from '../domain/control.ts'
import type { Scope } from '../domain/subject.ts'
import { controlPattern, controlVerb } from '../domain/subject.ts'
import { isSignetError, SignetError } from '../errors.ts'
import type { ControlListener, ControlMessage } from '../links/control-listener.ts'
import type { Log } from '../observe/log.ts'
import type { ControlCall, ControlHandler } from './control-handler.ts'

export interface ControlServiceOptions {
  readonly scope: Scope
  readonly listener: ControlListener
  readonly handlers: readonly ControlHandler[]
  readonly log: Log
}

/** So many requests are worked on at once; more are refused, and may be made again. */
const AT_ONCE = 64
/** The largest answer, in bytes: more would help nobody, and hold up the events that share the link. */
const MOST_BYTES = 16 * 1_048_576

interface Work {
  heardAt: number
  readonly abort: AbortController
}

/** Answers commands while the hub runs (DESIGN 8): `signet.F.control.C.<verb>`. */
export class ControlService {
  readonly #options: ControlServiceOptions
  readonly #handlers: ReadonlyMap<string, ControlHandler>
  readonly #work = new Map<string, Work>()
  /** Requests that were answered a moment ago: said again while the answer is on its way, they are no new ones. */
  readonly #answered = new Set<string>()
  #stopListening: (() => void) | undefined

  constructor(options: ControlServiceOptions) {
    this.#options = options
    this.#handlers = new Map(options.handlers.map((handler) => [handler.verb, handler]))
  }

  start(): void {
    const { scope, listener } = this.#options
    this.#stopListening ??= listener.listen(controlPattern(scope), (message) => {
      this.#take(message)
    })
  }

  /** Listens no more, and tells those who wait. */
  stop(): void {
    this.#stopListening?.()
    this.#stopListening = undefined
    for (const { abort } of this.#work.values())
      abort.abort(new SignetError('SIGNET_STOPPED', 'The hub stops; ask again.'))
  }

  #take(message: ControlMessage): void {
    const request = parseControlRequest(message.text)
    if (request === undefined) {
      message.answer(told(refusal(new SignetError('SIGNET_USAGE', 'The request cannot be read.'))))
      return
    }
    const known = this.#work.get(request.id)
    if (known !== undefined) {
      known.heardAt = Date.now()
      if (request.cancelled) known.abort.abort(abandoned())
    } else if (!request.cancelled && !this.#answered.has(request.id)) {
      void this.#serve(message, request)
    }
  }

  /** Works on a request from its first message to its answer. Never rejects. */
  async #serve(message: ControlMessage, request: ControlRequest): Promise<void> {
    const work: Work = { heardAt: Date.now(), abort: new AbortController() }
    const { signal } = work.abort
    let about: object = {}
    const tick = setInterval(() => {
      if (Date.now() - work.heardAt > ABANDONED_MS) work.abort.abort(abandoned())
      else message.progress(about)
    }, PROGRESS_MS)
    this.#work.set(request.id, work)
    const progress = (now: object): void => {
      about = now
    }
    const answer = await this.#answer(message, request, {
      ...placeOf(request),
      by: request.by,
      signal,
      progress,
    })
    clearInterval(tick)
    this.#work.delete(request.id)
    this.#answered.add(request.id)
    setTimeout(() => this.#answered.delete(request.id), ABANDONED_MS).unref()
    message.answer(answer)
  }

  /** The answer as text. */
  async #answer(
    message: ControlMessage,
    request: ControlRequest,
    call: ControlCall,
  ): Promise<string> {
    const { scope, log } = this.#options
    const verb = controlVerb(scope, message.subject) ?? ''
    const { by, args } = request
    const facts = { verb, args, claimedBy: by, ...placeOf(request) }
    try {
      const handler = this.#handlers.get(verb)
      if (handler === undefined) throw this.#unknown(verb)
      if (this.#work.size > AT_ONCE)
        throw new SignetError('SIGNET_HUB_BUSY', 'The hub has too many commands to answer now.')
      const value = await orAborted(handler.handle(new ControlArguments(args), call), call.signal)
      if (handler.changes) log.info({ ...facts, value }, 'A command was carried out.')
      return told({ ok: true, value: value ?? null })
    } catch (error) {
      if (isSignetError(error)) log.info({ ...facts, error }, 'A command was refused.')
      else log.error({ ...facts, error }, 'A command failed.')
      return told(refusal(error))
    }
  }

  #unknown(verb: string): SignetError {
    const known = [...this.#handlers.keys()].toSorted().join(', ')
    const message = `This hub knows no "${verb}"; it knows ${known}. Is its agent older than this command?`
    return new SignetError('SIGNET_USAGE', message)
  }
}

/** Where a command runs, as it says. */
function placeOf({ stamp, geo }: ControlRequest): Pick<ControlCall, 'stamp' | 'geo'> {
  return { ...(stamp !== undefined && { stamp }), ...(geo !== undefined && { geo }) }
}

function told(answer: ControlAnswer): string {
  const text = JSON.stringify(answer)
  if (text.length <= MOST_BYTES) return text
  const message = `The answer has ${Math.round(text.length / 1_048_576)} MiB, which is too much; ask for less.`
  return JSON.stringify(refusal(new SignetError('SIGNET_TOO_LARGE', message)))
}

function refusal(error: unknown): ControlAnswer {
  if (isSignetError(error)) {
    const { code, message, details } = error
    return { ok: false, code, message, details }
  }
  // Its text may hold anything; the log has it.
  const message = 'Something happened in the hub that Signet does not know; its log tells more.'
  return { ok: false, code: 'SIGNET_INTERNAL', message }
}

function abandoned(): SignetError {
  return new SignetError('SIGNET_STOPPED', 'Nobody waits for the answer any more.')
}

/** Also where the work does not look at its signal. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', stop)
  })
  try {
    return await Promise.race([work, aborted])
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop)
  }
}
