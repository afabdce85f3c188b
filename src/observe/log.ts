import { pino } from 'pino'

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** What the parts of Signet log with: facts first, then a sentence. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
  child(facts: object): Log
}

/** JSON lines on stderr: stdout belongs to the answers of commands. Never handed a secret. */
export function createLog(level: LogLevel, facts: Readonly<Record<string, string>>): Log {
  return pino(
    { level, base: facts, timestamp: pino.stdTimeFunctions.isoTime, messageKey: 'message' },
    pino.destination({ fd: 2, sync: true }),
  )
}
