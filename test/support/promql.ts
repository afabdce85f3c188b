import { parser } from '@prometheus-io/lezer-promql'

/** A series that a query asks for. */
export interface Selector {
  readonly metric: string
  readonly labels: readonly { readonly name: string; readonly op: string; readonly value: string }[]
}

/** What a query asks for: which series, and which labels it groups or joins by. */
export interface ParsedQuery {
  readonly selectors: readonly Selector[]
  readonly groupings: readonly string[]
}

type Node = ReturnType<typeof parser.parse>['topNode']

/** Takes a PromQL expression apart; throws where it is none. */
export function parseQuery(text: string): ParsedQuery {
  const selectors: Selector[] = []
  const groupings: string[] = []
  const of = (node: Node): string => text.slice(node.from, node.to)
  parser.parse(text).iterate({
    enter: ({ type, node }) => {
      if (type.isError) throw new Error(`no PromQL at ${node.from}: ${text}`)
      if (type.name === 'VectorSelector') selectors.push(selectorOf(node, of))
      if (type.name === 'GroupingLabels')
        groupings.push(...node.getChildren('LabelName').map((label) => of(label)))
    },
  })
  return { selectors, groupings }
}

function selectorOf(node: Node, of: (node: Node) => string): Selector {
  const name = node.getChild('Identifier')
  const matchers = node.getChild('LabelMatchers')?.getChildren('UnquotedLabelMatcher') ?? []
  return {
    metric: name === null ? '' : of(name),
    labels: matchers.map((matcher) => {
      const [label, op, value] = ['LabelName', 'MatchOp', 'StringLiteral'].map((kind) => {
        const child = matcher.getChild(kind)
        if (child === null) throw new Error(`a matcher without ${kind}: ${of(matcher)}`)
        return of(child)
      })
      return { name: label ?? '', op: op ?? '', value: (value ?? '').slice(1, -1) }
    }),
  }
}
