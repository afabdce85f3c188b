import type { Registration } from '../../domain/registration.ts'
import type { Topology } from '../../domain/topology.ts'
import { taskPolicy } from '../../domain/topology.ts'
import { check } from '../check.ts'
import type { Group } from '../check.ts'
import type { ApiFacts } from '../facts.ts'

/** Integrations ping every 5 or 10 s (wire 6.9). */
const SILENT_MS = 10 * 60_000
const TASK_TRIGGERED = /^sh\.keptn\.event\.([^.*>]+)\.triggered$/

/** Keptn itself: its API, its version, and who registered with it. */
export const keptnGroup: Group = {
  name: 'keptn',
  title: 'Keptn',
  checks: [
    check({
      code: 'DOC-901',
      severity: 'error',
      title: 'The Keptn API cannot be reached.',
      why: 'A link over HTTPS does not work, and calls of integrations fail.',
      mend: 'Look at KEPTN_API_ENDPOINT, at HTTPS_PROXY and NO_PROXY, and at SIGNET_API_TLS_CA for its certificate.',
      reads: ['api'],
      judge: ({ api }) => calls(api, 'unreachable'),
    }),
    check({
      code: 'DOC-902',
      severity: 'error',
      title: 'The Keptn API does not accept our credentials.',
      why: 'Every call fails with 401.',
      mend: 'Compare KEPTN_API_TOKEN with the secret keptn-api-token of the control plane, or look at the OAUTH_ variables.',
      reads: ['api'],
      judge: ({ api }) => calls(api, 'unauthorized'),
    }),
    check({
      code: 'DOC-903',
      severity: 'error',
      title: 'What answers is not the Keptn API.',
      why: 'The address is that of something else, such as the Bridge.',
      mend: 'Correct KEPTN_API_ENDPOINT; the API ends with /api.',
      reads: ['api'],
      judge: ({ api }) => calls(api, 'stranger'),
    }),
    check({
      code: 'DOC-904',
      severity: 'warning',
      title: 'Signet was not tried with this version of Keptn.',
      why: 'It was written for Keptn 0.17 to 1.4; others may behave differently.',
      mend: 'Use one of those, and read docs/integrations.md.',
      reads: ['api'],
      judge: ({ api }) => versions(api, (major, minor) => major > 1 || (major === 0 && minor < 17)),
    }),
    check({
      code: 'DOC-905',
      severity: 'notice',
      title: 'This version of Keptn has traps of its own.',
      why: 'Before 0.19 an answer without a result counts as passed; before 1.0 distributors post some events again and again.',
      mend: 'Upgrade Keptn to 1.4.x, and let integrations always say result and status.',
      reads: ['api'],
      judge: ({ api }) => versions(api, (major, minor) => major === 0 && minor >= 17),
    }),
    check({
      code: 'DOC-906',
      severity: 'error',
      title: 'The hub cannot reach a service of Keptn.',
      why: 'Calls of stamps to it fail with 502: no registrations, no resources.',
      mend: 'Does it run; is it where SIGNET_KEPTN_SERVICES says; does a NetworkPolicy stand in between?',
      reads: ['services'],
      judge: ({ services }) =>
        services.flatMap(({ name, url, trouble }) =>
          trouble === undefined ? [] : [`${name} (${url}): ${trouble}`],
        ),
    }),
    check({
      code: 'DOC-911',
      severity: 'warning',
      title: 'An integration is registered twice.',
      why: 'Both entries have subscriptions: it may handle a task twice, and the Bridge shows two.',
      mend: 'Delete one in the Bridge or with DELETE /v1/uniform/registration/<id>; whoever still pings registers again.',
      reads: ['registrations'],
      judge: ({ registrations }) =>
        [...byIdentity(registrations)]
          .filter(([, entries]) => entries.length > 1)
          .map(([identity, { length }]) => `${identity}: ${length} times`),
    }),
    check({
      code: 'DOC-912',
      severity: 'warning',
      title: 'An integration at home handles a task that stamps handle too.',
      why: 'It hears Keptn directly and answers before the hub can: the task is withdrawn from the stamps.',
      mend: 'Take the subscription away at home, or run that integration in a stamp of its own in the home cluster.',
      reads: ['registrations', 'setup'],
      judge: ({ registrations, setup: { topology } }) => atHomeToo(registrations, topology),
    }),
    check({
      code: 'DOC-913',
      severity: 'notice',
      title: 'A registration has been silent for long.',
      why: 'Whoever made it is gone; the entry goes by itself after two days (UNIFORM_INTEGRATION_TTL).',
      mend: 'Does its pod run? If it was taken away, nothing is to be done.',
      reads: ['registrations', 'setup'],
      judge: ({ registrations, setup: { now } }) =>
        registrations
          .filter(({ metadata }) => now - Date.parse(metadata.lastseen) > SILENT_MS)
          .map((it) => `${identityOf(it)}: last seen ${it.metadata.lastseen}`),
    }),
    check({
      code: 'DOC-914',
      severity: 'notice',
      title: 'The subscriptions of an integration cannot be edited in the Bridge.',
      why: 'The Bridge allows it from distributor version 0.9.0 on.',
      mend: 'Set DISTRIBUTOR_VERSION to 0.9.0 or more, or upgrade the integration.',
      reads: ['registrations'],
      judge: ({ registrations }) =>
        registrations
          .filter(({ metadata }) => /^0\.[0-8]\./.test(metadata.distributorversion))
          .map((it) => `${identityOf(it)}: ${it.metadata.distributorversion}`),
    }),
    check({
      code: 'DOC-915',
      severity: 'warning',
      title: 'A registration is of a stamp that the topology does not have.',
      why: 'The stamp was renamed or removed, or comes from another federation: its subscriptions mislead.',
      mend: 'Delete the entry, or add the stamp to the topology.',
      reads: ['registrations', 'setup'],
      judge: ({ registrations, setup: { topology } }) =>
        registrations.flatMap((it) => {
          const place = placeOf(it)
          const isKnown =
            place === undefined ||
            topology.stamps.some(({ name }) => name === place.stamp) ||
            (topology.geoRings ?? []).some(
              ({ geo, ring, join }) =>
                join !== undefined && geo === place.geo && ring === place.ring,
            )
          return isKnown ? [] : [`${identityOf(it)}: ${it.metadata.location}`]
        }),
    }),
  ],
}

function calls(api: readonly ApiFacts[], outcome: ApiFacts['outcome']): readonly string[] {
  return api.filter((it) => it.outcome === outcome).map(({ url, why }) => `${url}: ${why}`)
}

function versions(
  api: readonly ApiFacts[],
  isMeant: (major: number, minor: number) => boolean,
): readonly string[] {
  return api.flatMap(({ url, version }) => {
    const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(version ?? '') ?? []
    if (major === undefined || minor === undefined) return []
    return isMeant(Number(major), Number(minor)) ? [`${url}: Keptn ${version}`] : []
  })
}

/** Keptn tells integrations apart by name and namespace (wire 4.2). */
function identityOf({ name, metadata }: Registration): string {
  return `${name} in ${metadata.kubernetesmetadata.namespace}`
}

function byIdentity(
  registrations: readonly Registration[],
): ReadonlyMap<string, readonly Registration[]> {
  const found = new Map<string, Registration[]>()
  for (const it of registrations)
    found.set(identityOf(it), [...(found.get(identityOf(it)) ?? []), it])
  return found
}

/** Where Signet registered it (DESIGN 7.8): `<geo>/<ring>/<stamp>`, and the stamp ends the namespace. */
function placeOf({ metadata }: Registration) {
  const [geo = '', ring = '', stamp = '', ...rest] = metadata.location.split('/')
  const { namespace } = metadata.kubernetesmetadata
  const isOurs = rest.length === 0 && stamp !== '' && namespace.endsWith(`.${stamp}`)
  return isOurs ? { geo, ring, stamp } : undefined
}

function tasksOf({ subscriptions }: Registration): readonly string[] {
  return subscriptions.flatMap(({ event }) => TASK_TRIGGERED.exec(event)?.[1] ?? [])
}

function atHomeToo(registrations: readonly Registration[], topology: Topology): readonly string[] {
  const inStamps = new Set(registrations.filter((it) => placeOf(it) !== undefined).flatMap(tasksOf))
  return registrations
    .filter((it) => placeOf(it) === undefined)
    .flatMap((it) =>
      tasksOf(it)
        .filter((task) => inStamps.has(task) && taskPolicy(topology, task).select !== 'none')
        .map((task) => `${identityOf(it)}: ${task}`),
    )
}
