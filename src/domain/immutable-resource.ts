import { splitTarget } from './request-target.ts'

const COMMIT = /^(?:[0-9a-fA-F]{40}|[0-9a-fA-F]{64})$/

/**
 * Whether what a request reads can never change: one resource at a whole commit id (wire 5.3). A shorter
 * one could come to name something else, an empty one is whatever is newest.
 */
export function isImmutable(request: {
  readonly service: string
  readonly method: string
  readonly target: string
}): boolean {
  if (request.service !== 'resource-service' || request.method !== 'GET') return false
  const { path, query } = splitTarget(request.target)
  if (!/\/resource\/./.test(path)) return false
  const ids = new URLSearchParams(query).getAll('gitCommitID')
  return ids.length === 1 && COMMIT.test(ids[0] ?? '')
}
