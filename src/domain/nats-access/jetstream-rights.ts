import { apiPrefix, bucketStream } from '../store-names.ts'
import type { Say } from './rights.ts'

/** Rights on the JetStream API, of a domain or of the server itself: the subjects that the client uses. */

/** To make a stream and bring it up to date, and to look into it. */
export function streamOwner(stream: string, domain?: string): Say[] {
  const api = apiPrefix(domain)
  return [
    ask(`${api}.STREAM.CREATE.${stream}`, 'make the stream'),
    ask(`${api}.STREAM.UPDATE.${stream}`, 'bring it up to date'),
    ask(`${api}.STREAM.INFO.${stream}`, 'see how far it is'),
    ask(`${api}.STREAM.MSG.GET.${stream}`, 'read one message'),
    ask(`${api}.DIRECT.GET.${stream}`, 'read one message'),
    ask(`${api}.DIRECT.GET.${stream}.>`, 'read one message'),
  ]
}

/** To make, change, read and forget consumers of a stream. */
export function consumerOwner(stream: string, domain?: string): Say[] {
  const api = apiPrefix(domain)
  return [
    ask(`${api}.CONSUMER.CREATE.${stream}`, 'make a consumer'),
    ask(`${api}.CONSUMER.CREATE.${stream}.>`, 'make a consumer'),
    ask(`${api}.CONSUMER.DURABLE.CREATE.${stream}.*`, 'make a durable consumer'),
    ask(`${api}.CONSUMER.LIST.${stream}`, 'see how far each reader is'),
    ask(`${api}.CONSUMER.DELETE.${stream}.*`, 'forget a consumer'),
    ...consumerReader(stream, '*', domain),
  ]
}

/** To read with a consumer that is there. */
export function consumerReader(stream: string, durable: string, domain?: string): Say[] {
  const api = apiPrefix(domain)
  // The subject of an acknowledgement names stream and consumer, and no domain on the servers that are known.
  const acks = durable === '*' ? `$JS.ACK.${stream}.>` : `$JS.ACK.${stream}.${durable}.>`
  return [
    ask(`${api}.CONSUMER.INFO.${stream}.${durable}`, 'see how far the consumer is'),
    {
      subject: `${api}.CONSUMER.MSG.NEXT.${stream}.${durable}`,
      answers: 'many',
      why: 'pull messages',
    },
    ask(acks, 'acknowledge them'),
  ]
}

/** To make a bucket, and to read, watch, write and clear its keys. */
export function bucketOwner(bucket: string, domain?: string): Say[] {
  const stream = bucketStream(bucket)
  const api = apiPrefix(domain)
  // In a domain the client writes keys through the API's prefix.
  const keys = domain === undefined ? `$KV.${bucket}.>` : `${api}.$KV.${bucket}.>`
  return [
    ...streamOwner(stream, domain),
    ...consumerOwner(stream, domain),
    ask(`${api}.STREAM.PURGE.${stream}`, 'forget keys'),
    ask(keys, 'write keys'),
    { subject: `$JS.FC.${stream}.>`, answers: 'none', why: 'keep pace with a watch' },
  ]
}

function ask(subject: string, why: string): Say {
  return { subject, answers: 'one', why }
}
