// The state of a call that waits for its user. It comes back from the client, so it holds no more than the
// ids of a run and a question: those are checked against what the caller may reach, and the database knows
// whether the question is open. A seal binds it to the caller and to the arguments of the call.
import { canonical } from '../../chat/idempotency.ts';
import { canonicalUuid } from '../../http/fastapi/uuid.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { rpcFailure } from '../json-rpc.ts';

export interface RequestState {
  /** The run that the call began with. */
  readonly runId: string;
  readonly questionId: string;
}

/** The state, for a client to send with the answer. */
export function sealState(
  { fileSignatures }: ApiContext,
  call: Call,
  { args, runId, questionId }: RequestState & { readonly args: unknown },
): string {
  const ids = `${runId}.${questionId}`;
  return `${ids}.${fileSignatures.seal(boundText(call, args, ids))}`;
}

/** @throws HttpError `invalid_params` for a state that is not one of this caller and these arguments. */
export function openState(
  { fileSignatures }: ApiContext,
  call: Call,
  { args, state }: { readonly args: unknown; readonly state: unknown },
): RequestState {
  const [run = '', question = '', seal = '', ...rest] =
    typeof state === 'string' ? state.split('.', 4) : [];
  const [runId, questionId] = [canonicalUuid(run), canonicalUuid(question)];
  const isSealed = fileSignatures.isSeal(seal, boundText(call, args, `${run}.${question}`));
  if (runId === undefined || questionId === undefined || !isSealed || rest.length > 0) {
    throw stateRefused();
  }
  return { runId, questionId };
}

export function stateRefused(): Error {
  const reason = 'requestState is not of this call: send the call again without it';
  return rpcFailure('invalid_params', reason);
}

function boundText({ principal }: Call, args: unknown, ids: string): string {
  const contact = principal.kind === 'contact' ? principal.contactId : null;
  return `mcp ${ids} ${JSON.stringify([principal.kind, principal.id, contact])} ${canonical(args)}`;
}
