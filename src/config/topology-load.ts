import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SignetError } from '../errors.ts'
import type { Topology } from '../domain/topology.ts'
import type { Mistake } from './mistake.ts'
import { formatMistake, sortedMistakes } from './mistake.ts'
import type { ParsedTopology } from './topology-parse.ts'
import { parseTopology } from './topology-parse.ts'
import type { SourceFile } from './yaml-source.ts'

/**
 * Reads the topology of a folder, and says all that is wrong with it. What cannot be read is a mistake
 * like any other. Files are named as seen from the working directory, so that a terminal finds them.
 */
export async function readTopology(dir: string): Promise<ParsedTopology> {
  const files: SourceFile[] = []
  const mistakes: Mistake[] = []
  await collect(dir, files, mistakes, new Set())
  if (files.length === 0 && mistakes.length === 0)
    mistakes.push(unreadable(dir, 'holds no *.yaml file', 'a topology is a folder of YAML files'))
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
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
  const parsed = await readTopology(dir)
  if (parsed.ok) return { topology: parsed.topology, warnings: parsed.warnings }
  const { mistakes } = parsed
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
  const lines = mistakes.map((mistake) => `  ${formatMistake(mistake)}`)
  throw new SignetError(
    'SIGNET_TOPOLOGY_INVALID',
    [`The topology in ${dir} has ${count}:`, ...lines].join('\n'),
    { details: { dir, mistakes } },
  )
}

async function collect(
  dir: string,
  files: SourceFile[],
  mistakes: Mistake[],
  seen: Set<string>,
): Promise<void> {
  try {
    const { dev, ino } = await stat(dir)
    // A link may lead back to where we are.
    if (seen.has(`${dev}:${ino}`)) return
    seen.add(`${dev}:${ino}`)
    for (const name of await readdir(dir)) {
      // A mounted ConfigMap keeps its files a second time in hidden folders.
      if (!name.startsWith('.')) await collectEntry(join(dir, name), files, mistakes, seen)
    }
  } catch (error) {
    mistakes.push(unreadable(dir, 'cannot be read', reason(error)))
  }
}

async function collectEntry(
  path: string,
  files: SourceFile[],
  mistakes: Mistake[],
  seen: Set<string>,
): Promise<void> {
  const isYaml = /\.ya?ml$/i.test(path)
  try {
    const entry = await stat(path)
    if (entry.isDirectory()) await collect(path, files, mistakes, seen)
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
