/** The five names that Keptn's clients dial (wire 2.2). */
export const KEPTN_SERVICES = [
  'shipyard-controller',
  'resource-service',
  'mongodb-datastore',
  'secret-service',
  'api-service',
] as const

/** A service of Keptn by the name that its clients know. */
export type KeptnServiceName = (typeof KEPTN_SERVICES)[number]
