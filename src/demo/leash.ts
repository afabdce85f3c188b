import { type ChildProcess, spawn } from 'node:child_process'
import { Socket } from 'node:net'

// Reads `hold PID` and `drop PID` lines until its input ends, which it does however the parent dies,
// then kills what is still held.
const script = `
trap '' INT TERM HUP
held=' '
while read -r verb pid; do
  case "$held" in *" $pid "*) held="\${held%% $pid *} \${held#* $pid }" ;; esac
  if [ "$verb" = hold ]; then held="$held$pid "; fi
done
for pid in $held; do kill -9 "$pid"; done
`

const held = new Set<number>()
let keeper: ChildProcess | undefined

/**
 * Ties a child process to the life of this process (or worker thread): it is killed when this one
 * ends in whatever way, SIGKILL included, which no exit handler could see to.
 */
export function holdOnLeash(pid: number): void {
  held.add(pid)
  if (keeper === undefined) startKeeper()
  else keeper.stdin?.write(`hold ${pid}\n`)
}

/** Lets go of a process that has ended, whose id may soon be another's. */
export function dropFromLeash(pid: number): void {
  held.delete(pid)
  keeper?.stdin?.write(`drop ${pid}\n`)
}

function startKeeper(): void {
  // In a session of its own, so that what ends a terminal's processes does not end it first.
  const child = spawn('/bin/sh', ['-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  keeper = child
  child.on('error', forgetKeeper)
  child.on('exit', forgetKeeper)
  child.stdin.on('error', forgetKeeper)
  child.unref()
  // A child's pipe is a socket, which its type does not say.
  if (child.stdin instanceof Socket) child.stdin.unref()
  for (const pid of held) child.stdin.write(`hold ${pid}\n`)
}

function forgetKeeper(): void {
  keeper = undefined
}
