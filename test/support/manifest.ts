/** What a chart makes, as far as tests look at it. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly labels?: Labels
  }
  readonly spec?: Spec
  /** Of a ConfigMap. */
  readonly data?: Readonly<Record<string, string>>
}

export type Labels = Readonly<Record<string, string>>

interface Spec {
  /** Of what has pods, labels; of a Service, those of its pods. */
  readonly selector?: Labels & { readonly matchLabels?: Labels }
  readonly podSelector?: { readonly matchLabels?: Labels }
  readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec }
  readonly serviceName?: string
  readonly replicas?: number
  readonly type?: string
  readonly externalName?: string
  readonly ports?: readonly ServicePort[]
  readonly internalTrafficPolicy?: string
  readonly publishNotReadyAddresses?: boolean
  readonly ingress?: readonly { readonly ports: readonly { readonly port: string | number }[] }[]
  readonly endpoints?: readonly { readonly port: string; readonly path: string }[]
  readonly minAvailable?: number
  readonly maxUnavailable?: number
}

interface ServicePort {
  readonly name: string
  readonly port: number
  readonly targetPort: string
}

export interface PodSpec {
  readonly serviceAccountName: string
  readonly automountServiceAccountToken?: boolean
  readonly enableServiceLinks?: boolean
  readonly terminationGracePeriodSeconds: number
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly containers: readonly Container[]
  readonly volumes?: readonly Volume[]
}

export interface Container {
  readonly image: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: readonly Variable[]
  readonly envFrom?: readonly { readonly secretRef: { readonly name: string } }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly securityContext: Readonly<Record<string, unknown>>
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly startupProbe?: Probe
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}

interface Variable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: {
    readonly configMapKeyRef?: KeyRef
    readonly secretKeyRef?: KeyRef
    readonly fieldRef?: { readonly fieldPath: string }
  }
}

interface KeyRef {
  readonly name: string
  readonly key: string
}

interface Volume {
  readonly name: string
  readonly configMap?: { readonly name: string }
  readonly secret?: { readonly secretName: string }
}

/** The one of this kind and name; throws where there is none. */
export function find(manifests: readonly Manifest[], kind: string, name: string): Manifest {
  const found = manifests.find((it) => it.kind === kind && it.metadata.name === name)
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`)
  return found
}

/** The pod that a DaemonSet or StatefulSet makes. */
export function podOf(manifest: Manifest): { readonly labels: Labels; readonly spec: PodSpec } {
  const { template } = manifest.spec ?? {}
  if (template === undefined) throw new Error(`${manifest.kind} has no pods`)
  return { labels: template.metadata.labels, spec: template.spec }
}

/** The one container of a pod. */
export function containerOf({ spec }: { readonly spec: PodSpec }): Container {
  const [container, ...others] = spec.containers
  if (container === undefined || others.length > 0) throw new Error('not one container')
  return container
}

/** All probes of a container. */
export function probesOf(container: Container): readonly Probe[] {
  return [container.livenessProbe, container.readinessProbe, container.startupProbe].filter(
    (probe) => probe !== undefined,
  )
}
