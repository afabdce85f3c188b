import { pino } from 'pino'
import { SignetError } from '../errors.ts'

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

/** The log of an agent. */
export interface AgentLog extends Log {
  setLevel(level: LogLevel): void
}

/** JSON lines on stderr: stdout belongs to the answers of commands. Never handed a secret. */
export function createLog(level: LogLevel, facts: Readonly<Record<string, string>>): AgentLog {
  const logger = pino(
    {
      level,
      base: facts,
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: describeError },
    },
    pino.destination({ fd: 2, sync: true }),
  )
  const setLevel = (level: LogLevel): void => {
    logger.level = level
  }
  return Object.assign(logger, { setLevel })
}

/** An error as a log line has it: what a person needs, a stack only where nobody foresaw it. */
function describeError(error: unknown): unknown {
  if (error instanceof SignetError) {
    const { code, message, details, cause } = error
    return {
      code,
      text: message,
      details,
      ...(cause === undefined ? {} : { cause: cause instanceof Error ? cause.message : 'unknown' }),
    }
  }
  return error instanceof Error ? { text: error.message, stack: error.stack } : error
}
