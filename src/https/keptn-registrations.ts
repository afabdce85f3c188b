import type { Registration } from '../domain/registration.ts'
import { parseRegistration } from '../domain/registration-parse.ts'
import { SignetError } from '../errors.ts'
import type { ShipyardControllerOptions } from './shipyard-controller.ts'
import { ShipyardController } from './shipyard-controller.ts'

/** All integrations that Keptn knows. */
export interface KnownRegistrations {
  readonly registrations: readonly Registration[]
  /** How far Keptn's clock is ahead of ours, in milliseconds, as exactly as a header tells it. */
  readonly clockMs: number
}

const TIMEOUT_MS = 5_000
/** Some thousands of integrations with their subscriptions. */
const MOST_BYTES = 16_777_216

/** shipyard-controller's list of integrations (wire 4.1). */
export class KeptnRegistrations {
  readonly #controller: ShipyardController

  constructor(options: ShipyardControllerOptions) {
    const limits = { timeoutMs: TIMEOUT_MS, maxAnswerBytes: MOST_BYTES }
    this.#controller = new ShipyardController(options, limits)
  }

  /** Rejects with SIGNET_API_UNREACHABLE or SIGNET_API_BAD_ANSWER where Keptn does not tell. */
  async list(): Promise<KnownRegistrations> {
    const { header, body } = await this.#controller.get('/v1/uniform/registration')
    const date = Date.parse(header('date') ?? '')
    const registrations = itemsOf(body).flatMap((item) => {
      const parsed = parseRegistration(item)
      return parsed.ok ? [parsed.value] : []
    })
    return { registrations, clockMs: Number.isNaN(date) ? 0 : date - Date.now() }
  }

  /** Ends its connections. */
  close(): Promise<void> {
    return this.#controller.close()
  }
}

function itemsOf(body: Buffer): readonly unknown[] {
  try {
    const json: unknown = JSON.parse(body.toString('utf8'))
    if (Array.isArray(json)) return json as unknown[]
  } catch {
    // Said below.
  }
  const message = 'What answers as shipyard-controller has no list of integrations.'
  throw new SignetError('SIGNET_API_BAD_ANSWER', message)
}
