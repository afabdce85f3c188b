import { KEPTN_COMPONENTS } from './behalf.ts'
import type { Subscription } from './interest.ts'
import type { Registration } from './registration.ts'

/** What a distributor is told by its environment (wire 3.1), as far as it decides anything. */
export interface DistributorPlan {
  /** The public Keptn API; undefined: it runs in Keptn's own cluster, and speaks to its services. */
  readonly endpoint?: string | undefined
  readonly topics: readonly string[]
  readonly filter: Subscription['filter']
  readonly disableRegistration: boolean
  readonly deploymentName: string
  readonly namespace: string
  readonly podName: string
  readonly nodeName: string
  readonly location?: string | undefined
  readonly integrationVersion: string
  readonly distributorVersion: string
}

/** Why a distributor does not register, or undefined where it does. */
export function registrationObstacle(plan: DistributorPlan): string | undefined {
  if (plan.disableRegistration) return 'DISABLE_REGISTRATION is set'
  if (plan.namespace === '' || plan.deploymentName === '')
    return 'K8S_NAMESPACE or K8S_DEPLOYMENT_NAME is missing'
  if (KEPTN_COMPONENTS.has(plan.deploymentName))
    return `${plan.deploymentName} is a component of Keptn and no integration`
  return undefined
}

/** What the environment subscribes to: each topic with the one filter. */
export function initialSubscriptions({ topics, filter }: DistributorPlan): readonly Subscription[] {
  return topics.map((event) => ({ event, filter }))
}

/** The body that a distributor registers with (wire 4.1). */
export function registrationBody(plan: DistributorPlan): Registration {
  const { deploymentName, namespace, podName, nodeName } = plan
  const remote = plan.endpoint === undefined ? 'control-plane' : 'remote-execution-plane'
  return {
    id: '',
    name: deploymentName,
    metadata: {
      hostname: nodeName,
      integrationversion: plan.integrationVersion,
      distributorversion: plan.distributorVersion,
      location: plan.location ?? remote,
      kubernetesmetadata: { namespace, podname: podName, deploymentname: deploymentName },
      lastseen: '0001-01-01T00:00:00Z',
    },
    subscriptions: initialSubscriptions(plan).map((one) => ({ id: '', ...one })),
  }
}
