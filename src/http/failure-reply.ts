import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { SignetError } from '../errors.ts'

/** What a client is told of a call that failed: Keptn's own shape of errors, with a reason for programs. */
export interface FailureBody {
  readonly code: number
  readonly message: string
  readonly reason: string
}

/** When a client that was turned away may come again, in seconds. */
const RETRY_AFTER_S = 1

export function failureBody(error: unknown): FailureBody {
  if (!(error instanceof SignetError))
    return { code: 500, message: 'an error of the agent', reason: 'internal' }
  const { status, reason } = error.details
  return {
    code: typeof status === 'number' ? status : 502,
    message: error.message,
    reason: typeof reason === 'string' ? reason : 'broken',
  }
}

/** Answers with a failure. What of the request has not been read is not read any more. */
export function sendFailure(response: ServerResponse, failure: FailureBody): void {
  const { code } = failure
  const body = JSON.stringify(failure)
  const fields: OutgoingHttpHeaders = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  }
  if (code === 429 || code === 503) fields['retry-after'] = String(RETRY_AFTER_S)
  if (!response.req.complete) fields.connection = 'close'
  response.writeHead(code, fields)
  response.end(body)
}
