import { setTimeout as sleep } from 'node:timers/promises'

/** The first truthy value of `probe`, or an error with `what` when it takes longer than `limitMs`. */
export async function eventually<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limitMs = 5000,
): Promise<T> {
  const end = Date.now() + limitMs
  for (;;) {
    const value = await probe()
    if (value) return value
    if (Date.now() > end) throw new Error(`it did not come about: ${what}`)
    await sleep(10)
  }
}
