import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Container, Manifest } from './manifest.ts'
import { containerOf, find, podOf } from './manifest.ts'

/** Secrets by name, as they would be in the namespace. */
export type Secrets = Readonly<Record<string, Readonly<Record<string, string>>>>

/** A container as a process on this machine can be it. */
export interface Laid {
  readonly container: Container
  readonly environment: Readonly<Record<string, string>>
  /** Where its files lie, by the folder that it sees them in. */
  readonly mounts: ReadonlyMap<string, string>
  /** A text of the container with its folders replaced by those here. */
  readonly here: (text: string) => string
}

/**
 * What a kubelet makes of a pod: its environment, and the files of ConfigMaps and Secrets, here below `dir`. As
 * in Kubernetes, `$(NAME)` stands for a variable that `env` has before, and for none of `envFrom`.
 */
export async function layOut(
  manifests: readonly Manifest[],
  owner: Manifest,
  secrets: Secrets,
  dir: string,
  ordinal = 0,
): Promise<Laid> {
  const pod = podOf(owner)
  const container = containerOf(pod)
  const mounts = new Map<string, string>()
  for (const { name, mountPath } of container.volumeMounts) {
    const folder = join(dir, name)
    await mkdir(folder, { recursive: true })
    mounts.set(mountPath, folder)
    const volume = pod.spec.volumes?.find((it) => it.name === name)
    const { configMap, secret } = volume ?? {}
    // What has neither is made of a claim: an empty folder.
    const files =
      configMap === undefined
        ? secret && secretOf(secrets, secret.secretName)
        : find(manifests, 'ConfigMap', configMap.name).data
    for (const [file, text] of Object.entries(files ?? {}))
      await writeFile(join(folder, file), text)
  }
  // Longer ones first: one folder may lie in another.
  const folders = [...mounts].toSorted(([a], [b]) => b.length - a.length)
  const here = (text: string): string =>
    folders.reduce((it, [there, folder]) => it.replaceAll(there, folder), text)
  const podName = `${owner.metadata.name}-${ordinal}`
  const environment = environmentOf(manifests, podName, container, secrets)
  return {
    container,
    environment: Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, here(value)]),
    ),
    mounts,
    here,
  }
}

function environmentOf(
  manifests: readonly Manifest[],
  podName: string,
  { env = [], envFrom = [] }: Container,
  secrets: Secrets,
): Readonly<Record<string, string>> {
  const own: Record<string, string> = {}
  for (const { name, value, valueFrom = {} } of env) {
    const { configMapKeyRef, secretKeyRef, fieldRef } = valueFrom
    if (value !== undefined) {
      own[name] = value.replaceAll(/\$\((\w+)\)/g, (text, key: string) => own[key] ?? text)
    } else if (configMapKeyRef !== undefined) {
      const { data } = find(manifests, 'ConfigMap', configMapKeyRef.name)
      own[name] = valueIn(data ?? {}, configMapKeyRef.key)
    } else if (secretKeyRef !== undefined) {
      own[name] = valueIn(secretOf(secrets, secretKeyRef.name), secretKeyRef.key)
    } else if (fieldRef?.fieldPath === 'metadata.name') {
      own[name] = podName
    } else {
      throw new Error(`${name} has a value from elsewhere`)
    }
  }
  const others = envFrom.map(({ secretRef }) => secretOf(secrets, secretRef.name))
  return Object.assign({}, ...others, own) as Readonly<Record<string, string>>
}

function secretOf(secrets: Secrets, name: string): Readonly<Record<string, string>> {
  const found = secrets[name]
  if (found === undefined) throw new Error(`there is no Secret ${name}`)
  return found
}

function valueIn(data: Readonly<Record<string, string>>, key: string): string {
  const found = data[key]
  if (found === undefined) throw new Error(`there is no key ${key}`)
  return found
}
