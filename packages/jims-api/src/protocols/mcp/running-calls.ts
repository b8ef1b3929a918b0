import type { RequestKey } from '../../chat/idempotency.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import type { RpcId } from '../json-rpc.ts';

/** The name of a call in every process. Only calls of a session can be taken back. */
export type CallName = Pick<RequestKey, 'scope' | 'key'>;

export function callName(
  { principal }: Pick<Call, 'principal'>,
  session: string,
  id: RpcId,
): CallName {
  const contact = principal.kind === 'contact' ? [principal.contactId] : [];
  const scope = `mcp:${JSON.stringify([principal.kind, principal.id, ...contact])}`;
  return { scope, key: `${session}:${JSON.stringify(id)}` };
}

const ofApi = new WeakMap<ApiContext, RunningCalls>();

/** The tool calls that this process answers, so that the client that made one can take it back. */
export class RunningCalls {
  readonly #calls = new Map<string, AbortController>();

  static of(api: ApiContext): RunningCalls {
    const calls = ofApi.get(api) ?? new RunningCalls();
    ofApi.set(api, calls);
    return calls;
  }

  /** The signal aborts when the call is taken back; `leave` is to be called when it is answered. */
  enter(name: CallName): { readonly signal: AbortSignal; readonly leave: () => void } {
    const stop = new AbortController();
    const key = keyOf(name);
    this.#calls.set(key, stop);
    return {
      signal: stop.signal,
      leave: () => {
        // A client that uses an id twice has its newer call there.
        if (this.#calls.get(key) === stop) this.#calls.delete(key);
      },
    };
  }

  /** Takes a call back; false when this process does not answer it. */
  stop(name: CallName): boolean {
    const stop = this.#calls.get(keyOf(name));
    stop?.abort();
    return stop !== undefined;
  }
}

function keyOf({ scope, key }: CallName): string {
  return JSON.stringify([scope, key]);
}
