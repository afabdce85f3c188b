import { readFile } from 'node:fs/promises'
import type { MachineFacts } from '../facts.ts'

const LIMITS = '/proc/self/limits'
/** Of version 2 and of version 1 of cgroups. */
const MEMORY = ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']
/** What version 1 says where there is no limit is about this. */
const NO_LIMIT = 2 ** 60

export async function readMachine(): Promise<MachineFacts> {
  const openFiles = Number(/^Max open files\s+(\d+)/m.exec(await text(LIMITS))?.[1])
  const memory = (await Promise.all(MEMORY.map(text))).map(Number)
  const memoryBytes = memory.find((bytes) => bytes > 0 && bytes < NO_LIMIT)
  return {
    node: process.versions.node,
    ...(Number.isNaN(openFiles) ? {} : { openFiles }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
  }
}

/** Empty where there is no such file: another system, or no limit. */
async function text(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '')
}
