import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { SignetError } from '../../errors.ts'
import type { Registration, Subscription } from '../keptn/registration.ts'
import { decodeRegistration } from '../keptn/registration.ts'

/** Where registrations go. */
export interface UniformAccess {
  /** The base that has `/v1/uniform/registration` under it. */
  readonly registrationUrl: string
  /** The Host header to send instead of the URL's, for services that are told apart by name. */
  readonly hostHeader?: string | undefined
  /** Sent as `x-token`. */
  readonly token?: string | undefined
}

/** Registers an integration and returns its id. One try, as cp-connector makes (wire 2.3). */
export async function register(access: UniformAccess, registration: Registration): Promise<string> {
  const body = JSON.stringify(registration)
  return readRegistration(await call(access, 'POST', '/v1/uniform/registration', body)).id
}

/** Renews a registration and returns the subscriptions that hold from now on. */
export async function ping(access: UniformAccess, id: string): Promise<readonly Subscription[]> {
  const answer = await call(access, 'PUT', `/v1/uniform/registration/${id}/ping`, '')
  return readRegistration(answer).subscriptions ?? []
}

function readRegistration(answer: unknown): Registration {
  const decoded = decodeRegistration(answer)
  if (decoded.ok) return decoded.value
  throw new SignetError('SIGNET_DEMO_FAILED', `That is no registration: ${decoded.reason}.`)
}

async function call(
  access: UniformAccess,
  method: string,
  path: string,
  body: string,
): Promise<unknown> {
  const url = new URL(access.registrationUrl.replace(/\/$/, '') + path)
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  const headers = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...(access.hostHeader !== undefined && { host: access.hostHeader }),
    ...(access.token !== undefined && { 'x-token': access.token }),
  }
  const { status, text } = await new Promise<{ status: number; text: string }>(
    (resolve, reject) => {
      // A connection of its own each time: a kept one would outlive a server that restarts.
      const outgoing = send(url, { method, headers, agent: false, timeout: 10_000 }, (response) => {
        let received = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          received += chunk
        })
        response.on('error', reject)
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text: received }))
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 10 s')))
      outgoing.on('error', reject)
      outgoing.end(body)
    },
  )
  if (status < 200 || status > 299) {
    throw new SignetError('SIGNET_DEMO_FAILED', `${method} ${path} was answered with ${status}.`, {
      details: { status, text },
    })
  }
  return JSON.parse(text) as unknown
}
