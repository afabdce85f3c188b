import { existsSync } from 'node:fs'
import { readFile, readdir } from 'node:fs/promises'
import { systemCode } from './system-error.ts'

/**
 * Whether every thread of a process stands still. SIGSTOP takes effect thread by thread, and later
 * than the call that sends it returns: on a busy machine a server was seen to answer in between.
 * Where the system does not tell (no `/proc`) it is taken to stand still.
 */
export async function standsStill(pid: number): Promise<boolean> {
  if (!existsSync('/proc/self/task')) return true
  const threads = `/proc/${pid}/task`
  const states = await Promise.all(
    (await readdir(threads)).map((id) => stateOf(`${threads}/${id}`)),
  )
  return states.every((state) => state === 'T' || state === undefined)
}

async function stateOf(thread: string): Promise<string | undefined> {
  try {
    const stat = await readFile(`${thread}/stat`, 'utf8')
    // The name before it, in brackets, may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2)[0]
  } catch (error) {
    // A thread that has ended since it was listed.
    if (['ENOENT', 'ESRCH'].includes(systemCode(error) ?? '')) return undefined
    throw error
  }
}
