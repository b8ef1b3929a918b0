import type { JsonObject } from '../thread/event.ts';
import { exchanges } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { membersOf } from './foreign-json.ts';
import type { Members } from './foreign-json.ts';
import type { Transport } from './transport.ts';

/** What is worth a second look: arguments that are not text, vectors that are. */
const TO_MEND = /"arguments"\s*:\s*[{[]|"embedding"\s*:\s*"/;

export interface MendingOptions {
  /** False leaves out the request for the usage of a stream, which some servers refuse. */
  readonly streamUsage: boolean;
}

/**
 * Sends requests to a server that speaks OpenAI's API with an accent, where its package has no words
 * for that. Answers: some write the arguments of a call as an object, and vectors in base64 although
 * numbers are requested. Requests: some want thoughts back, or take no `stream_options`.
 */
export function mendingTransport(send: Transport, options: MendingOptions): Transport {
  return async (input, init = {}) => {
    const exchange = exchanges.getStore();
    if (!exchange) return send(input, init);
    const { body } = init;
    const edited = typeof body === 'string' ? editedRequest(body, exchange, options) : body;
    const response = await send(input, { ...init, ...(edited !== undefined && { body: edited }) });
    return exchange.streamed || !response.ok ? response : mendedResponse(response);
  };
}

function editedRequest(
  body: string,
  { streamed, thoughts }: Exchange,
  { streamUsage }: MendingOptions,
): string {
  const withoutUsage = streamed && !streamUsage;
  if (thoughts.size === 0 && !withoutUsage) return body;
  const { stream_options: usage, messages, ...others } = membersOf(JSON.parse(body));
  return JSON.stringify({
    ...others,
    messages: each(messages, (message) => ({ ...message, ...thoughtsOf(message, thoughts) })),
    ...(!withoutUsage && usage !== undefined && { stream_options: usage }),
  });
}

function thoughtsOf(
  { tool_calls: calls }: Members,
  thoughts: Exchange['thoughts'],
): JsonObject | undefined {
  const first: unknown = Array.isArray(calls) ? membersOf(calls[0])['id'] : undefined;
  return typeof first === 'string' ? thoughts.get(first) : undefined;
}

async function mendedResponse(response: Response): Promise<Response> {
  if (!response.body) return response;
  const text = await response.text();
  return new Response(TO_MEND.test(text) ? mended(text) : text, response);
}

function mended(text: string): string {
  try {
    const { choices, data, ...others } = membersOf(JSON.parse(text));
    return JSON.stringify({
      ...others,
      ...(choices !== undefined && { choices: each(choices, mendedChoice) }),
      ...(data !== undefined && { data: each(data, mendedVector) }),
    });
  } catch {
    return text;
  }
}

function mendedChoice(choice: Members): Members {
  const message = membersOf(choice['message']);
  const calls = message['tool_calls'];
  if (calls === undefined) return choice;
  return { ...choice, message: { ...message, tool_calls: each(calls, mendedCall) } };
}

function mendedCall(call: Members): Members {
  const called = membersOf(call['function']);
  const given = called['arguments'];
  if (typeof given !== 'object' || given === null) return call;
  return { ...call, function: { ...called, arguments: JSON.stringify(given) } };
}

function mendedVector(item: Members): Members {
  const { embedding } = item;
  return typeof embedding === 'string' ? { ...item, embedding: numbersIn(embedding) } : item;
}

function each(list: unknown, mend: (item: Members) => Members): unknown {
  return Array.isArray(list) ? list.map((item) => mend(membersOf(item))) : list;
}

/** Four bytes each, the lowest first. */
function numbersIn(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4));
}
