import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SignetError } from '../errors.ts'
import type { Topology } from '../domain/topology.ts'
import type { Mistake } from './mistake.ts'
import { formatMistake, sortedMistakes } from './mistake.ts'
import type { ParsedTopology } from './topology-parse.ts'
import { parseTopology } from './topology-parse.ts'
import type { SourceFile } from './yaml-source.ts'

/** The files of a topology as they were read, not yet looked into. */
export interface TopologyFiles {
  readonly dir: string
  /** By path, as seen from the working directory, so that a terminal finds them. */
  readonly files: readonly SourceFile[]
  /** What could not be read. */
  readonly mistakes: readonly Mistake[]
  /** The folder and all below it. */
  readonly folders: readonly string[]
}

/** Reads the files of a folder. What cannot be read is a mistake like any other. */
export async function readTopologyFiles(dir: string): Promise<TopologyFiles> {
  const files: SourceFile[] = []
  const mistakes: Mistake[] = []
  const folders: string[] = []
  await collect(dir, { files, mistakes, folders, seen: new Set() })
  if (files.length === 0 && mistakes.length === 0)
    mistakes.push(unreadable(dir, 'holds no *.yaml file', 'a topology is a folder of YAML files'))
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  return { dir, files, mistakes, folders }
}

/** Reads the topology of a folder, and says all that is wrong with it. */
export async function readTopology(dir: string): Promise<ParsedTopology> {
  return parseTopologyFiles(await readTopologyFiles(dir))
}

/** The topology of files that were read, or all that is wrong with them. */
export function parseTopologyFiles({ dir, files, mistakes }: TopologyFiles): ParsedTopology {
  if (files.length === 0) return { ok: false, mistakes, warnings: [] }
  const parsed = parseTopology(files)
  if (parsed.ok && mistakes.length === 0) return parsed
  const told = parsed.ok ? [] : parsed.mistakes.map((mistake) => inFolder(dir, mistake))
  return { ok: false, mistakes: sortedMistakes([...mistakes, ...told]), warnings: parsed.warnings }
}

/**
 * The topology of a folder. Throws `SIGNET_TOPOLOGY_INVALID` with every mistake in its message, a line
 * each, and in `details.mistakes`.
 */
export async function loadTopology(
  dir: string,
): Promise<{ readonly topology: Topology; readonly warnings: readonly Mistake[] }> {
  return validTopology(dir, await readTopology(dir))
}

/** The same of what was read already. */
export function validTopology(
  dir: string,
  parsed: ParsedTopology,
): { readonly topology: Topology; readonly warnings: readonly Mistake[] } {
  if (parsed.ok) return parsed
  const { mistakes } = parsed
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
  const lines = mistakes.map((mistake) => `  ${formatMistake(mistake)}`)
  throw new SignetError(
    'SIGNET_TOPOLOGY_INVALID',
    [`The topology in ${dir} has ${count}:`, ...lines].join('\n'),
    { details: { dir, mistakes } },
  )
}

interface Collected {
  readonly files: SourceFile[]
  readonly mistakes: Mistake[]
  readonly folders: string[]
  readonly seen: Set<string>
}

async function collect(dir: string, collected: Collected): Promise<void> {
  const { seen, folders, mistakes } = collected
  try {
    const { dev, ino } = await stat(dir)
    // A link may lead back to where we are.
    if (seen.has(`${dev}:${ino}`)) return
    seen.add(`${dev}:${ino}`)
    folders.push(dir)
    for (const name of await readdir(dir)) {
      // A mounted ConfigMap keeps its files a second time in hidden folders.
      if (!name.startsWith('.')) await collectEntry(join(dir, name), collected)
    }
  } catch (error) {
    mistakes.push(unreadable(dir, 'cannot be read', reason(error)))
  }
}

async function collectEntry(path: string, collected: Collected): Promise<void> {
  const { files, mistakes } = collected
  const isYaml = /\.ya?ml$/i.test(path)
  try {
    const entry = await stat(path)
    if (entry.isDirectory()) await collect(path, collected)
    else if (isYaml && entry.isFile()) files.push({ path, text: await readFile(path, 'utf8') })
  } catch (error) {
    // A dangling link to something else is none of our business.
    if (isYaml) mistakes.push(unreadable(path, 'cannot be read', reason(error)))
  }
}

function unreadable(file: string, message: string, hint: string): Mistake {
  return { file, line: 0, column: 0, path: '', message, hint, excerpt: '' }
}

function inFolder(dir: string, mistake: Mistake): Mistake {
  return mistake.file === '' ? { ...mistake, file: dir } : mistake
}

function reason(error: unknown): string {
  const { code } = error as { code?: unknown }
  switch (code) {
    case 'ENOENT':
      return 'it does not exist'
    case 'ENOTDIR':
      return 'it is no folder'
    case 'EACCES':
      return 'its permissions do not allow it'
    default:
      return error instanceof Error ? error.message : String(error)
  }
}
