// `tools/call` since 2026-07-28: a question to the user is a result, which the client answers by sending
// the call again; a call that takes long is a task, for a client that knows tasks.
import type { JsonObject, QuestionRecord, RunEnd } from 'jims-core';

import { runHeaders } from '../../chat/answer-run.ts';
import { openStream } from '../../chat/stream-run.ts';
import { json, jsonOrPieces } from '../../http/json-answer.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import type { SseFrame } from '../../http/sse/frame.ts';
import { rpcResult } from '../json-rpc.ts';
import type { RpcId } from '../json-rpc.ts';
import { argumentsOf, readsStreams, tokenIn } from './arguments.ts';
import type { ClientAbilities } from './client-abilities.ts';
import { encodeEnd, openQuestion } from './encode.ts';
import { begin, goOn } from './go-on.ts';
import type { Going, Settled } from './go-on.ts';
import { CallProgress, messageFrame, within } from './progress.ts';
import { sealState } from './request-state.ts';
import { complete, inputRequired, resultOptions } from './stateless-result.ts';
import { newTask } from './tasks.ts';

/** A result that comes within this time is given at once. */
const TASK_AFTER_MS = 500;

/** A request of the revision without sessions. */
export interface StatelessRequest {
  readonly id: RpcId;
  readonly params: JsonObject;
  readonly client: ClientAbilities;
}

/** `tools/call`: the result, a task, or a stream of progress and the result. */
export async function callStateless(
  api: ApiContext,
  call: Call,
  request: StatelessRequest,
): Promise<Response> {
  const { id, params, client } = request;
  const args = argumentsOf(params);
  const answer = new CallAnswer(api, call, { args, client });
  const start = (): Promise<Going | Settled> =>
    params['requestState'] === undefined
      ? begin(api, call, { args, client })
      : goOn(api, call, { args, params, client, answer });
  if (!client.knowsTasks && readsStreams(call)) {
    return streamed(api, call, { request, start, answer });
  }
  const going = await start();
  if ('result' in going) return json(call, rpcResult(id, going.result));
  const headers = { ...call.headers, ...runHeaders(going.run) };
  const end = client.knowsTasks
    ? (await within(going.run.end, TASK_AFTER_MS))?.value
    : await going.run.end;
  const result = await (end ? answer.result(going, end) : newTask(api, going.first.id));
  return jsonOrPieces({ headers }, rpcResult(id, result));
}

/** How the runs of a call are shown to its caller. */
class CallAnswer {
  readonly #api: ApiContext;
  readonly #call: Call;
  readonly #args: unknown;
  readonly #asks: boolean;

  constructor(
    api: ApiContext,
    call: Call,
    { args, client }: { readonly args: unknown; readonly client: ClientAbilities },
  ) {
    this.#api = api;
    this.#call = call;
    this.#args = args;
    this.#asks = client.asks;
  }

  /** What a call gives whose newest run has ended so. */
  async result({ first, earlier }: Pick<Going, 'first' | 'earlier'>, end: RunEnd): Promise<object> {
    const question = this.#asks ? openQuestion(end) : undefined;
    return question ? this.asked(first.id, question) : this.said({ first, earlier }, end);
  }

  /** The same where nobody is asked. */
  async said({ first, earlier }: Pick<Going, 'first' | 'earlier'>, end: RunEnd): Promise<object> {
    const options = resultOptions(this.#api, this.#call, earlier);
    return complete(this.#api.app, await encodeEnd(first, end, options));
  }

  asked(runId: string, question: QuestionRecord): object {
    const { questionId } = question;
    const state = sealState(this.#api, this.#call, { args: this.#args, runId, questionId });
    return inputRequired(this.#api.app, question, state);
  }
}

interface ToAnswer {
  readonly request: StatelessRequest;
  readonly start: () => Promise<Going | Settled>;
  readonly answer: CallAnswer;
}

function streamed(
  api: ApiContext,
  call: Call,
  { request: { id, params }, start, answer }: ToAnswer,
): Promise<Response> {
  return openStream(api, call, async () => {
    const going = await start();
    if ('result' in going) {
      return { frames: ReadableStream.from([messageFrame(rpcResult(id, going.result))]) };
    }
    const begun: Going = going;
    const { run, leave } = begun;
    const progress = new CallProgress({
      progressToken: tokenIn(params),
      heartbeatMs: api.heartbeatMs,
    });
    async function* frames(): AsyncGenerator<SseFrame, void, void> {
      const end = yield* progress.during(run);
      yield messageFrame(rpcResult(id, await answer.result(begun, end)));
    }
    return { headers: runHeaders(run), frames: frames(), onGone: leave };
  });
}
