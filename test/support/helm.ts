import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import type { Manifest } from './manifest.ts'

export const CHART = 'deploy/helm/signet'
/** One that has all that the chart needs; a helm of one's own making may think itself as old as 1.20. */
const KUBERNETES = ['--kube-version', '1.34.0']

/** The release that the examples are installed as. */
const RELEASE = ['signet', CHART, '--namespace', 'signet']

interface Ended {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

/** Runs helm: of the PATH, or where `go install` puts it. Throws where there is none. */
export async function helm(...args: readonly string[]): Promise<Ended> {
  const own = join(homedir(), 'go', 'bin', 'helm')
  const isOwn = await access(own).then(
    () => true,
    () => false,
  )
  try {
    const limits = { maxBuffer: 64 * 1024 * 1024 }
    const ended = await promisify(execFile)(isOwn ? own : 'helm', [...args], limits)
    return { ok: true, ...ended }
  } catch (error) {
    const failure = error as { code?: unknown; stdout?: string; stderr?: string }
    if (failure.code === 'ENOENT')
      throw new Error('`npm run test:chart` needs helm 3 on the PATH, and there is none.', {
        cause: error,
      })
    return { ok: false, stdout: failure.stdout ?? '', stderr: failure.stderr ?? '' }
  }
}

/** `--values` of an example, with the topology of all. */
export function example(name: string): readonly string[] {
  return ['topology', name].flatMap((it) => ['--values', `deploy/helm/values-${it}.yaml`])
}

/** The manifests that the chart makes of these arguments; throws what helm says where it refuses. */
export async function render(...args: readonly string[]): Promise<readonly Manifest[]> {
  const { ok, stdout, stderr } = await helm('template', ...RELEASE, ...KUBERNETES, ...args)
  if (!ok) throw new Error(stderr)
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null)
}

/** What helm says where the chart refuses these arguments; undefined where it does not. */
export async function refusal(...args: readonly string[]): Promise<string | undefined> {
  const { ok, stderr } = await helm('template', ...RELEASE, ...KUBERNETES, ...args)
  return ok ? undefined : stderr
}

export async function lint(...args: readonly string[]): Promise<Ended> {
  return helm('lint', CHART, '--strict', ...KUBERNETES, ...args)
}
