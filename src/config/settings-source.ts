import { formatPath, formatPosition, quote } from './mistake.ts'
import type { Path } from './mistake.ts'
import { suggestion } from './nearest.ts'
import type { Setting, SettingTable, Values } from './setting.ts'
import { port } from './setting-readers.ts'
import { settingGroups } from './settings-schema.ts'
import type { SourceDocument, SourceFile } from './yaml-source.ts'
import { readYaml } from './yaml-source.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Flags by the names that commander gives them; those of secrets do not exist. */
export type Flags = Readonly<Record<string, unknown>>

/** Something wrong with a setting, never with a secret in it. */
export interface SettingMistake {
  /** `SIGNET_DRAIN`, `--drain`, or a position in the settings file. */
  readonly where: string
  readonly message: string
  readonly hint?: string
}

interface Found {
  readonly text: string
  readonly origin: string
}

/** `gateway.creds` as commander names its flag: `gatewayCreds`. */
function flagKey(setting: string): string {
  return setting.replace(/\.(\w)/g, (_, letter: string) => letter.toUpperCase())
}

/** `gateway.tlsCa` as a flag: `--gateway-tls-ca`. */
export function flagName(setting: string): string {
  const kebab = flagKey(setting).replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return `--${kebab}`
}

/** Flag, environment, file, default: where settings are looked up, and what was wrong with them. */
export class SettingsSource {
  readonly mistakes: SettingMistake[] = []
  readonly warnings: string[] = []
  readonly #environment: Environment
  readonly #flags: Flags
  readonly #wrong = new Set<string>()
  #file: ReadonlyMap<string, Found> = new Map()
  #integrations: SourceDocument | undefined

  constructor(environment: Environment, flags: Flags, file: SourceFile | undefined) {
    this.#environment = environment
    this.#flags = flags
    if (file !== undefined) this.#file = this.#readFile(file)
  }

  /** The values of a table; a default stands in for what is missing or wrong. */
  values<T extends SettingTable>(table: T): Values<T> {
    return Object.fromEntries(
      Object.entries(table).map(([key, setting]) => [key, this.#value(setting)]),
    ) as Values<T>
  }

  /** `integrations:` of the settings file, and nothing else of it; undefined where it has none. */
  get integrations(): SourceDocument | undefined {
    return this.#integrations
  }

  refuse(where: string, message: string, hint?: string): void {
    this.mistakes.push({ where, message, ...(hint === undefined ? {} : { hint }) })
  }

  /** Whether a value was given, and refused. */
  isWrong({ name }: Setting<unknown>): boolean {
    return this.#wrong.has(name)
  }

  /** Whether a value was given, so that it is no default. */
  isGiven(setting: Setting<unknown>): boolean {
    return this.#find(setting) !== undefined
  }

  /** Where the value comes from, for messages. */
  originOf(setting: Setting<unknown>): string {
    return this.#find(setting)?.origin ?? setting.variables[0]
  }

  #value(setting: Setting<unknown>): unknown {
    const found = this.#find(setting)
    if (found !== undefined) {
      const read = setting.reader.read(found.text)
      if (read.ok) return read.value
      const shown =
        setting.isSecret === true ? '' : `, found ${quote(withoutCredentials(found.text))}`
      this.refuse(found.origin, `expected ${read.expected}${shown}`, read.hint)
      this.#wrong.add(setting.name)
    }
    if (setting.default === undefined) return undefined
    const read = setting.reader.read(setting.default)
    return read.ok ? read.value : undefined
  }

  #find(setting: Setting<unknown>): Found | undefined {
    const { name, variables, isSecret } = setting
    const flag = isSecret === true ? undefined : this.#flags[flagKey(name)]
    if (isScalar(flag) && String(flag) !== '') return { text: String(flag), origin: flagName(name) }
    for (const variable of variables) {
      const text = this.#environment[variable]?.trim()
      if (text === undefined || text === '') continue
      if (setting.reader === port && /^(tcp|udp|sctp):\/\//.test(text)) {
        // A Service named signet-http makes Kubernetes set SIGNET_HTTP_PORT=tcp://10.0.0.7:80.
        this.warn(`${variable} is a Kubernetes service link, and no setting`)
        continue
      }
      return { text, origin: variable }
    }
    return this.#file.get(name)
  }

  warn(warning: string): void {
    if (!this.warnings.includes(warning)) this.warnings.push(warning)
  }

  #readFile(file: SourceFile): ReadonlyMap<string, Found> {
    const { documents, mistakes, warnings } = readYaml(file, 'failsafe')
    for (const mistake of mistakes) this.refuse(formatPosition(mistake), mistake.message)
    for (const warning of warnings) this.warn(`${formatPosition(warning)}: ${warning.message}`)
    const [document, ...others] = documents
    for (const other of others)
      this.refuse(formatPosition(other.at([])), 'a settings file is one document')
    const found = new Map<string, Found>()
    if (document !== undefined) this.#readValues(document, document.value, [], found)
    return found
  }

  #readValues(
    document: SourceDocument,
    value: unknown,
    path: Path,
    found: Map<string, Found>,
  ): void {
    const origin = `${formatPosition(document.at(path, 'key'))} ${formatPath(path)}`.trimEnd()
    const name = path.join('.')
    if (name === INTEGRATIONS) {
      this.#integrations = { ...document, value: { [INTEGRATIONS]: value } }
      return
    }
    const text = path.length > 0 && NAMES.has(name) ? textOf(value) : undefined
    if (text !== undefined) {
      if (text !== '') found.set(name, { text, origin })
    } else if (isMap(value) && (path.length === 0 || GROUPS.has(name))) {
      for (const [key, inner] of Object.entries(value))
        this.#readValues(document, inner, [...path, key], found)
    } else if (NAMES.has(name) || GROUPS.has(name) || path.length === 0) {
      if (value !== null) this.refuse(origin, 'has a value of the wrong kind')
    } else {
      this.refuse(origin, 'unknown key', suggestion(name, [...NAMES, ...GROUPS, INTEGRATIONS]))
    }
  }
}

/** The one key of a settings file that is a list of things; settings-integrations.ts reads it. */
const INTEGRATIONS = 'integrations'
const NAMES: ReadonlySet<string> = new Set(
  settingGroups.flatMap(({ table }) => Object.values(table).map(({ name }) => name)),
)
const GROUPS: ReadonlySet<string> = new Set(
  [...NAMES].filter((name) => name.includes('.')).map((name) => name.slice(0, name.indexOf('.'))),
)

/** A file may write lists and maps as YAML has them, where a variable has commas. */
function textOf(value: unknown): string | undefined {
  if (value === null) return ''
  if (Array.isArray(value)) return value.every(isScalar) ? value.map(String).join(',') : undefined
  if (isScalar(value)) return String(value)
  if (!isMap(value)) return undefined
  const entries = Object.entries(value)
  return entries.every(([, inner]) => isScalar(inner))
    ? entries.map(([key, inner]) => `${key}=${String(inner)}`).join(',')
    : undefined
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What stands between `//` and `@` in a URL. */
export function withoutCredentials(text: string): string {
  return text.replace(/\/\/\S*@/g, '//***@')
}
