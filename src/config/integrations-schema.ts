import { z } from 'zod'
import { DURATION_PATTERN, DURATION_RULE } from './duration.ts'

/** `integrations:` of a settings file (DESIGN 7.8), as people write it; every scalar is text there. */

/** An event type, or a NATS pattern of some. */
export const TOPIC = /^sh\.keptn(\.[^\s.*>]+|\.\*)*(\.>|\.[^\s.*>]+|\.\*)$/

const words = (what: string) =>
  z.array(z.string({ error: what }).regex(/^\S(.*\S)?$/, { error: what })).default([])

const integration = z.strictObject({
  name: z
    .string({ error: 'a name' })
    .regex(/^[^\s\p{C}]{1,100}$/u, { error: 'a name of at most 100 characters, without spaces' })
    .describe('The name of the registration.'),
  namespace: z
    .string({ error: 'a namespace' })
    .regex(/^[^\s\p{C}]{1,100}$/u, { error: 'a namespace of at most 100 characters' })
    .describe('Its namespace; name and namespace together tell integrations apart.'),
  topics: z
    .array(
      z.string({ error: 'a topic' }).regex(TOPIC, {
        error: 'an event type or pattern such as sh.keptn.event.deployment.triggered',
      }),
    )
    .min(1, { error: 'at least one entry' })
    .describe('The event types, or patterns of some, that it subscribes to at first.'),
  recipient: z
    .string({ error: 'a URL' })
    .describe(
      'The URL that its events are posted to. A user and password in it become a header, and are never shown.',
    ),
  projects: words('the name of a project').describe('Only events of these projects, at first.'),
  stages: words('the name of a stage').describe('Only events of these stages, at first.'),
  services: words('the name of a service').describe('Only events of these services, at first.'),
  version: z
    .string({ error: 'a version' })
    .default('')
    .describe('Its version in the registration.'),
  timeout: z
    .string({ error: DURATION_RULE })
    .regex(DURATION_PATTERN, { error: DURATION_RULE })
    .default('30s')
    .describe('How long the recipient may take to answer; after that it is asked again.'),
})

export const integrationsSchema = z.strictObject({
  integrations: z.array(integration, { error: 'a list of integrations' }).default([]),
})

export type IntegrationText = z.infer<typeof integration>
