import type { JsonObject } from '../../thread/event.ts';
import { membersOf } from '../foreign-json.ts';
import type { Members } from '../foreign-json.ts';
import { exchanges } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import type { Transport } from './transport.ts';

/**
 * A cheap test whether an answer needs repair: `arguments` that are no string, or an `embedding` that
 * is one.
 */
const TO_REPAIR = /"arguments"\s*:\s*[{[]|"embedding"\s*:\s*"/;

/** A line of a stream with the data of an event. */
const EVENT = /^(data:[ \t]*)(\{[^\n]*\})/gm;

interface CompatibleOptions {
  /** False leaves out `stream_options`, which some servers refuse. */
  readonly streamUsage: boolean;
}

/**
 * Sends requests to a server that speaks OpenAI's API, and hides how it deviates from it: some write
 * the arguments of a tool call as an object, or vectors in base64 although numbers were requested;
 * some want the model's thoughts back, which the packages leave out; some take no `stream_options`.
 */
export function compatibleTransport(send: Transport, options: CompatibleOptions): Transport {
  return async (input, init = {}) => {
    const exchange = exchanges.getStore();
    if (!exchange) return send(input, init);
    const { body } = init;
    const edited = typeof body === 'string' ? editedRequest(body, exchange, options) : body;
    const response = await send(input, { ...init, ...(edited !== undefined && { body: edited }) });
    if (!response.ok) return response;
    if (!exchange.streamed) return repairedResponse(response);
    return callsTools(body) ? repairedStream(response) : response;
  };
}

function editedRequest(
  body: string,
  { streamed, thoughts }: Exchange,
  { streamUsage }: CompatibleOptions,
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

async function repairedResponse(response: Response): Promise<Response> {
  if (!response.body) return response;
  const text = await response.text();
  return new Response(TO_REPAIR.test(text) ? repaired(text) : text, response);
}

/** In a stream only the calls of tools need repair. */
function callsTools(body: unknown): boolean {
  return typeof body === 'string' && body.includes('"tools":');
}

function repairedStream(response: Response): Response {
  if (!response.body) return response;
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let rest = '';
  const lines = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(bytes, controller) {
      const text = decoder.decode(bytes, { stream: true });
      const end = text.lastIndexOf('\n') + 1;
      const whole = end > 0 ? rest + text.slice(0, end) : '';
      if (end > 0) controller.enqueue(encoder.encode(whole.replaceAll(EVENT, repairedEvent)));
      rest = end > 0 ? text.slice(end) : rest + text;
    },
    flush: (controller) => controller.enqueue(encoder.encode(rest)),
  });
  return new Response(response.body.pipeThrough(lines), response);
}

function repairedEvent(line: string, name: string, json: string): string {
  return TO_REPAIR.test(json) ? name + repaired(json) : line;
}

function repaired(text: string): string {
  try {
    const { choices, data, ...others } = membersOf(JSON.parse(text));
    return JSON.stringify({
      ...others,
      ...(choices !== undefined && { choices: each(choices, repairedChoice) }),
      ...(data !== undefined && { data: each(data, repairedVector) }),
    });
  } catch {
    return text;
  }
}

function repairedChoice(choice: Members): Members {
  const name = choice['delta'] === undefined ? 'message' : 'delta';
  const message = membersOf(choice[name]);
  const calls = message['tool_calls'];
  if (calls === undefined) return choice;
  return { ...choice, [name]: { ...message, tool_calls: each(calls, repairedCall) } };
}

function repairedCall(call: Members): Members {
  const called = membersOf(call['function']);
  const value = called['arguments'];
  if (typeof value !== 'object' || value === null) return call;
  return { ...call, function: { ...called, arguments: JSON.stringify(value) } };
}

function repairedVector(item: Members): Members {
  const { embedding } = item;
  return typeof embedding === 'string' ? { ...item, embedding: numbersIn(embedding) } : item;
}

function each(list: unknown, repair: (item: Members) => Members): unknown {
  return Array.isArray(list) ? list.map((item) => repair(membersOf(item))) : list;
}

/** Reads 32-bit floats, little-endian. */
function numbersIn(base64: string): number[] {
  const bytes = Buffer.from(base64, 'base64');
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, at) => bytes.readFloatLE(at * 4));
}
