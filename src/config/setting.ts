import type { Reader } from './setting-readers.ts'

/** One setting: everything that anybody needs to know of it, in one place. */
export interface Setting<T> {
  /** `gateway.creds` in the file, `--gateway-creds` as a flag. */
  readonly name: string
  /** The first of them that is set and not empty counts. */
  readonly variables: readonly [string, ...string[]]
  readonly reader: Reader<T>
  /** As text, as a person would write it. */
  readonly default?: string
  readonly sentence: string
  /** Never printed, and no flag, for every user of a machine sees the flags. */
  readonly isSecret?: true
  /** A change in the settings file takes effect without a restart. */
  readonly isLive?: true
}

export type SettingTable = Readonly<Record<string, Setting<unknown>>>

/** What a table yields: settings without a default may be undefined. */
export type Values<T extends SettingTable> = {
  readonly [K in keyof T]: T[K] extends Setting<infer V>
    ? T[K] extends { readonly default: string }
      ? V
      : V | undefined
    : never
}

/** One row of a table; its default decides whether the value may be undefined. */
export function setting<T, const D extends { readonly default?: string } = object>(
  name: string,
  variables: readonly [string, ...string[]],
  reader: Reader<T>,
  sentence: string,
  more?: D & { readonly isSecret?: true; readonly isLive?: true },
): Setting<T> & NoInfer<D> {
  return { name, variables, reader, sentence, ...more } as Setting<T> & NoInfer<D>
}
