import type { ProtocolName } from './protocols.ts';
import type { Contacts } from './requests.ts';

/** What a load generator is to do. */
export interface LoadSpec {
  /** The servers; connections are spread over them. */
  readonly ports: readonly number[];
  readonly connections: number;
  readonly seconds: number;
  /**
   * Requests a second that come whether the ones before are answered or not; without it every
   * connection asks again as soon as it is answered.
   */
  readonly rate?: number;
  readonly contacts: Contacts;
  /** Default our own. */
  readonly protocol?: ProtocolName;
}

/** What came of it: only of requests that were answered rightly, as any other one fails the load. */
export interface LoadResult {
  readonly responses: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the generator. */
  readonly cpuMs: number;
}
