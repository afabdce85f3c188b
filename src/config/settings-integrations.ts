import type { BehalfIntegration, RecipientAddress } from '../domain/behalf.ts'
import { identityOf, isRegistrable } from '../domain/behalf.ts'
import type { Subscription } from '../domain/interest.ts'
import { recipientUrl } from '../domain/recipient-event.ts'
import { parseDuration } from './duration.ts'
import type { IntegrationText } from './integrations-schema.ts'
import { integrationsSchema, TOPIC } from './integrations-schema.ts'
import { formatPath, formatPosition, quote } from './mistake.ts'
import { schemaMistakes } from './schema-mistakes.ts'
import type { Values } from './setting.ts'
import { distributorTable } from './settings-keptn.ts'
import type { SettingsSource } from './settings-source.ts'
import type { SourceDocument } from './yaml-source.ts'

type Distributor = Values<typeof distributorTable>

/** How long the recipient of a distributor may take to answer. */
const TIMEOUT_MS = 30_000

/**
 * The integrations that the agent speaks for: those of the settings file, and the one that a distributor's
 * variables describe. `ownPorts`: where the agent itself listens, which no recipient can be.
 */
export function readIntegrations(
  source: SettingsSource,
  distributor: Distributor,
  ownPorts: readonly number[],
): readonly BehalfIntegration[] {
  const known = new Set<string>()
  const found: BehalfIntegration[] = []
  for (const { where, integration } of [
    ...ofFile(source, distributor, ownPorts),
    ...ofDistributor(source, distributor, ownPorts),
  ]) {
    const identity = identityOf(integration)
    if (known.has(identity)) {
      const what = `integration ${quote(integration.name)} in namespace ${quote(integration.namespace)}`
      source.refuse(where, `${what} is there already`)
    }
    known.add(identity)
    found.push(integration)
  }
  return found
}

interface Read {
  readonly where: string
  readonly integration: BehalfIntegration
}

function ofFile(
  source: SettingsSource,
  distributor: Distributor,
  ownPorts: readonly number[],
): readonly Read[] {
  const { integrations: document } = source
  if (document === undefined) return []
  const mistakes = schemaMistakes(integrationsSchema, document)
  for (const mistake of mistakes)
    source.refuse(`${formatPosition(mistake)} ${mistake.path}`, mistake.message, mistake.hint)
  if (mistakes.length > 0) return []
  return integrationsSchema.parse(document.value).integrations.flatMap((text, index) => {
    const where = placeOf(document, index)
    const recipient = addressOf(text.recipient, parseDuration(text.timeout) ?? TIMEOUT_MS, ownPorts)
    if (typeof recipient === 'string') {
      source.refuse(`${where}.recipient`, recipient)
      return []
    }
    return [{ where, integration: integrationOf(text, recipient, distributor) }]
  })
}

function integrationOf(
  { name, namespace, topics, projects, stages, services, version }: IntegrationText,
  recipient: RecipientAddress,
  { nodeName, distributorVersion, heartbeatIntervalMs }: Distributor,
): BehalfIntegration {
  return {
    name,
    namespace,
    isRegistered: isRegistrable(name, namespace),
    subscriptions: subscriptionsOf(topics, { projects, stages, services }),
    hostname: nodeName,
    podName: '',
    version,
    distributorVersion,
    heartbeatMs: heartbeatIntervalMs,
    recipient,
  }
}

const RECIPIENT = [
  distributorTable.recipient,
  distributorTable.recipientPort,
  distributorTable.recipientPath,
]

/** One integration where `PUBSUB_TOPIC` says what it wants (wire 3.1). */
function ofDistributor(
  source: SettingsSource,
  distributor: Distributor,
  ownPorts: readonly number[],
): readonly Read[] {
  const { topics, deploymentName, namespace, location } = distributor
  if (topics.length === 0) return []
  const where = source.originOf(distributorTable.topics)
  for (const topic of topics)
    if (!TOPIC.test(topic))
      source.refuse(
        where,
        `expected event types such as sh.keptn.event.deployment.triggered, found ${quote(topic)}`,
      )
  const recipient = addressOf(
    recipientUrl(distributor.recipient, distributor.recipientPort, distributor.recipientPath),
    TIMEOUT_MS,
    ownPorts,
  )
  if (typeof recipient === 'string' && !RECIPIENT.some((setting) => source.isGiven(setting))) {
    source.warn(`${where} is set and PUBSUB_RECIPIENT is not: nobody is posted its events`)
    return []
  }
  if (typeof recipient === 'string') {
    const hint =
      'its host, port and path are PUBSUB_RECIPIENT, PUBSUB_RECIPIENT_PORT and PUBSUB_RECIPIENT_PATH'
    source.refuse(source.originOf(distributorTable.recipient), recipient, hint)
    return []
  }
  const integration: BehalfIntegration = {
    name: deploymentName === '' ? 'distributor' : deploymentName,
    namespace,
    isRegistered: !distributor.disableRegistration && isRegistrable(deploymentName, namespace),
    subscriptions: subscriptionsOf(topics, {
      projects: distributor.projectFilter,
      stages: distributor.stageFilter,
      services: distributor.serviceFilter,
    }),
    hostname: distributor.nodeName,
    podName: distributor.podName,
    version: distributor.integrationVersion,
    distributorVersion: distributor.distributorVersion,
    ...(typeof location === 'string' ? { location } : {}),
    heartbeatMs: distributor.heartbeatIntervalMs,
    recipient,
  }
  return [{ where, integration }]
}

const OWN_HOSTS = new Set(['127.0.0.1', 'localhost', '[::1]', '0.0.0.0'])

/** The recipient of a URL, or what is wrong with it, without quoting it. */
function addressOf(
  text: string,
  timeoutMs: number,
  ownPorts: readonly number[],
): RecipientAddress | string {
  if (!URL.canParse(text) || !/^https?:\/\//i.test(text))
    return 'expected an http:// or https:// URL of the recipient'
  const url = new URL(text)
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
  if (OWN_HOSTS.has(url.hostname) && ownPorts.includes(port))
    return `the recipient at port ${port} is this agent itself`
  const authorization = authorizationOf(url)
  url.username = ''
  url.password = ''
  url.hash = ''
  if (authorization === 'unreadable') return 'carries credentials that are badly encoded'
  return {
    url: url.href,
    timeoutMs,
    ...(authorization === undefined ? {} : { authorization }),
  }
}

function authorizationOf({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    return `Basic ${Buffer.from(pair).toString('base64')}`
  } catch {
    // Its message would quote them.
    return 'unreadable'
  }
}

function subscriptionsOf(
  topics: readonly string[],
  filter: Subscription['filter'],
): readonly Subscription[] {
  return topics.map((event) => ({ event, filter }))
}

function placeOf(document: SourceDocument, index: number): string {
  const path = ['integrations', index]
  return `${formatPosition(document.at(path))} ${formatPath(path)}`
}
