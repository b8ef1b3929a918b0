import type { RequestKey } from '../../chat/idempotency.ts';
import type { Call } from '../../http/route.ts';
import type { RpcId } from '../json-rpc.ts';

/** The tool calls that this process answers, so that who made one can take it back. */
export interface RunningCalls {
  /** The signal aborts when the call is taken back; `leave` when it is answered. */
  enter(name: CallName): { readonly signal: AbortSignal; readonly leave: () => void };
  /** Takes a call back; false when it is none of this process's. */
  stop(name: CallName): boolean;
}

/** What a call is known by, in every process. Only a session has calls that can be taken back. */
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

export function createRunningCalls(): RunningCalls {
  const calls = new Map<string, AbortController>();
  return {
    enter(name) {
      const stop = new AbortController();
      calls.set(place(name), stop);
      return {
        signal: stop.signal,
        leave() {
          // A client that uses an id twice has the newer call there.
          if (calls.get(place(name)) === stop) calls.delete(place(name));
        },
      };
    },
    stop(name) {
      const stop = calls.get(place(name));
      stop?.abort();
      return stop !== undefined;
    },
  };
}

function place({ scope, key }: CallName): string {
  return JSON.stringify([scope, key]);
}
