import type { Document, ParsedNode, YAMLError } from 'yaml'
import { isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml'
import type { Mistake, Path, Position } from './mistake.ts'

/** A file's path, as it is to be shown to people, and its text. */
export interface SourceFile {
  readonly path: string
  readonly text: string
}

/** One YAML document of a file, which knows where each of its values stands. */
export interface SourceDocument {
  readonly file: string
  /** Plain data. */
  readonly value: unknown
  /** False where a mistake of syntax may have swallowed a part of it. */
  readonly sound: boolean
  /**
   * Where the value at `path` stands, or its key; where there is no such value, the nearest that holds
   * its place. With the text of that line.
   */
  at(path: Path, part?: 'value' | 'key'): Position & { readonly excerpt: string }
}

export interface ReadYaml {
  readonly documents: readonly SourceDocument[]
  readonly mistakes: readonly Mistake[]
  readonly warnings: readonly Mistake[]
}

/**
 * Reads all documents of a YAML file. Never throws; empty documents are left out. With the schema
 * `failsafe` every scalar is the text that stands there: a password 0123 stays one.
 */
export function readYaml(
  { path: file, text }: SourceFile,
  schema: 'core' | 'failsafe' = 'core',
): ReadYaml {
  const documents: SourceDocument[] = []
  const mistakes: Mistake[] = []
  const warnings: Mistake[] = []
  const lines = text.split(/\r?\n/)
  const lineCounter = new LineCounter()
  // What it would log, about maps as keys, the schema reports as an unknown key.
  const options = { lineCounter, prettyErrors: false, logLevel: 'error', schema } as const
  const spotAt = (offset: number): Position & { excerpt: string } => {
    const { line, col } = lineCounter.linePos(offset)
    const position = { file, line: Math.max(1, line), column: Math.max(1, col) }
    return { ...position, excerpt: lines[position.line - 1] ?? '' }
  }
  const told = ({ pos, message }: YAMLError): Mistake => ({
    ...spotAt(pos[0]),
    path: '',
    message: `YAML: ${message}`,
  })
  const failed = (offset: number, error: unknown): Mistake => ({
    ...spotAt(offset),
    path: '',
    // A RangeError is the call stack: the parser recurses into what is nested.
    message: `YAML: ${error instanceof RangeError ? 'nested too deeply' : (error as Error).message}`,
  })

  try {
    for (const document of parseAllDocuments(text, options)) {
      mistakes.push(...document.errors.map(told))
      warnings.push(...document.warnings.map(told))
      let value: unknown
      let isWhole = document.errors.every(({ code }) => code === 'DUPLICATE_KEY')
      try {
        value = document.toJS()
      } catch (error) {
        mistakes.push(failed(document.range[0], error))
        value = topLevelOf(document)
        isWhole = false
      }
      if ((value === null || value === undefined) && document.errors.length === 0) continue
      const at: SourceDocument['at'] = (path, part = 'value') =>
        spotAt(offsetOf(document, path, part))
      documents.push({ file, value, sound: isWhole, at })
    }
  } catch (error) {
    mistakes.push(failed(0, error))
  }
  return { documents, mistakes, warnings }
}

/** What can be told of a document that is not to be had as a whole: its keys that hold plain values. */
function topLevelOf(document: Document.Parsed): unknown {
  const { contents } = document
  if (!isMap<ParsedNode, ParsedNode | null>(contents)) return undefined
  return Object.fromEntries(
    contents.items.flatMap(({ key, value }) =>
      isScalar(key) && isScalar(value) ? [[String(key.value), value.value]] : [],
    ),
  )
}

function offsetOf(document: Document.Parsed, path: Path, part: 'value' | 'key'): number {
  let node: ParsedNode | null = document.contents
  let offset = node?.range[0] ?? document.range[0]
  for (const [index, step] of path.entries()) {
    const found = childOf(node, step)
    if (found === undefined) break
    node = found.value
    const isLast = index === path.length - 1
    offset = (isLast && part === 'key' ? found.keyOffset : node?.range[0]) ?? found.keyOffset
  }
  return offset
}

function childOf(
  node: ParsedNode | null,
  step: string | number,
): { keyOffset: number; value: ParsedNode | null } | undefined {
  if (isSeq<ParsedNode>(node)) {
    const value = typeof step === 'number' ? node.items[step] : undefined
    return value === undefined ? undefined : { keyOffset: value.range[0], value }
  }
  if (!isMap<ParsedNode, ParsedNode | null>(node)) return undefined
  const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
  if (pair === undefined || !isNode(pair.key)) return undefined
  return { keyOffset: pair.key.range[0], value: pair.value }
}
