import { gatewayTarget } from '../domain/gateway-target.ts'
import { answerFields, requestFields } from '../domain/http-fields.ts'
import { isSignetError } from '../errors.ts'
import type { KeptnApi } from '../https/keptn-api.ts'
import { ServiceCaller } from './service-caller.ts'
import type { ServiceWay } from './service-caller.ts'
import { failure } from './tunnel-failure.ts'
import type { TunnelAnswer, TunnelRequest } from './tunnel-request.ts'
import { isWhole } from './tunnel-request.ts'

/** A way that requests go on. */
export interface Passage {
  open(request: TunnelRequest, signal: AbortSignal): Promise<TunnelAnswer>
}

/** In Keptn's own cluster: a request goes to the service itself (wire 3.6). */
export function passageToServices(
  urls: Extract<ServiceWay, { kind: 'internal' }>['urls'],
): Passage {
  const services = new ServiceCaller({ kind: 'internal', urls })
  return {
    open: async (request, signal) => {
      const headers = requestFields(request.headers)
      const isRepeatable = request.method === 'GET' && isWhole(request.body)
      const answer = await services.request({ ...request, headers, isRepeatable }, signal)
      return { ...answer, cancel: () => undefined }
    },
  }
}

/** Outside of it: a request goes to Keptn's public API, with our credentials. */
export function passageToApi(api: KeptnApi): Passage {
  return {
    open: async ({ service, method, target, headers, body }, signal) => {
      try {
        const isEmpty = isWhole(body) && body.length === 0
        const isBare = isEmpty && ['GET', 'HEAD', 'OPTIONS', 'DELETE'].includes(method)
        const passing = {
          method,
          path: gatewayTarget(service, target),
          headers: requestFields(headers),
          body: isBare ? null : isWhole(body) ? body : body.read(),
        }
        const answer = await api.pass(passing, signal)
        return {
          status: answer.status,
          headers: answerFields(answer.headers),
          body: answer.body,
          cancel: () => {
            answer.body.destroy()
          },
        }
      } catch (error) {
        if (!isSignetError(error) || error.details['reason'] !== undefined) throw error
        const isLate = error.message.includes('no answer in time') || /timeout/i.test(error.message)
        throw failure(isLate ? 'late' : 'service-away', error.message, 'maybe', error)
      }
    },
  }
}
