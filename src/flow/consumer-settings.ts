/** After a crash, what was in flight comes again after this; while work goes on, the pump renews it. */
export const ACK_WAIT_MS = 4_000
/** More than ever lies between taking and acknowledging: the buffer and what is being worked on. */
export const MAX_ACK_PENDING = 5_000
