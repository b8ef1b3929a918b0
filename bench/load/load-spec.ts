/** What a load generator is told to do. */
export interface LoadSpec {
  /** The servers; connections are spread over them. */
  readonly ports: readonly number[];
  readonly connections: number;
  readonly seconds: number;
  /** Requests a second that come whether the ones before are answered or not; without it every connection asks again as soon as it is answered. */
  readonly rate?: number;
  readonly contacts: Contacts;
  /** Default `chat`. */
  readonly protocol?: Protocol;
}

export type Contacts =
  /** A contact that nobody has heard of, for each request. */
  | { readonly kind: 'new'; readonly prefix: string }
  /** Each connection has one of its own: `prefix` and a number from 0. */
  | { readonly kind: 'own'; readonly prefix: string }
  /** So many, one after the other. */
  | { readonly kind: 'cycle'; readonly prefix: string; readonly count: number };

export type Protocol = 'chat' | 'chat-completions';

/** What came of it: only of requests that were answered rightly, as any other one fails the load. */
export interface LoadResult {
  readonly responses: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the generator. */
  readonly cpuMs: number;
}
