import { boundedJson, boundedText } from '../text/bounded-json.ts';
import { cleanJson, cleanText, cutText } from '../text/clean-text.ts';
import type { JsonObject } from '../thread/event.ts';
import type { ContextEvent } from './message-body.ts';
import type { ToolNews } from './message-part.ts';

/** The longest input and output that is sent to those who watch a run, as JSON. */
const MAX_SHOWN = 64 * 1024;
/** The longest arguments and result that models get in later turns. */
const MAX_KEPT = 16 * 1024;
const MAX_NAME = 200;
/** Ids that are shorter are hardly made at random. */
const MIN_UNIQUE_ID = 16;

export interface CalledTool {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly title?: string | undefined;
}

export interface ToolEnd {
  readonly id: string;
  readonly output?: unknown;
  readonly error?: string | undefined;
}

type Named = Pick<ToolNews, 'id' | 'name' | 'title'>;

/** Calls that were made before any of them was done, as models want them: together, then their results. */
interface Round {
  readonly calls: JsonObject[];
  readonly results: JsonObject[];
}

/** The tools that are called for one message. */
export class MessageTools {
  readonly #rounds: Round[] = [];
  /** By the ids of the stream. Some servers begin with the same id in each round: then the newest counts. */
  readonly #calls = new Map<
    string,
    { readonly named: Named; readonly round: Round; isDone: boolean }
  >();
  readonly #messageId: string;
  #count = 0;

  constructor(messageId: string) {
    this.#messageId = messageId;
  }

  has(id: string): boolean {
    return this.#calls.has(id);
  }

  /** Gives the news of a call; `undefined` for one that is known. */
  call({ id, name, input, title }: CalledTool): ToolNews | undefined {
    const known = this.#calls.get(id);
    if (known && !known.isDone) return undefined;
    this.#count++;
    const named: Named = {
      id: this.#uniqueId(cleanText(id), known !== undefined),
      name: cutText(cleanText(name), MAX_NAME),
      ...(title !== undefined && { title: cutText(cleanText(title), MAX_NAME) }),
    };
    const round = this.#openRound();
    round.calls.push(callOf(named, input));
    this.#calls.set(id, { named, round, isDone: false });
    return {
      ...named,
      status: 'running',
      ...(input !== undefined && { input: boundedJson(input, MAX_SHOWN) }),
    };
  }

  /** Gives the news of a result; `undefined` for a call that is unknown, or done. */
  end({ id, output, error }: ToolEnd): ToolNews | undefined {
    const call = this.#calls.get(id);
    if (!call || call.isDone) return undefined;
    call.isDone = true;
    const { named, round } = call;
    const content = boundedText(error ?? output ?? null, MAX_KEPT);
    round.results.push({ role: 'tool', tool_call_id: named.id, content });
    if (error !== undefined) {
      return { ...named, status: 'failed', error: cutText(cleanText(error), MAX_SHOWN) };
    }
    const shown = output !== undefined && { output: boundedJson(output, MAX_SHOWN) };
    return { ...named, status: 'completed', ...shown };
  }

  /** What models need to know of the tools in later turns. A call without a result is left out. */
  get context(): readonly ContextEvent[] {
    return this.#rounds.flatMap(({ calls, results }) => {
      const done = new Set(results.map((result) => result['tool_call_id']));
      const tool_calls = calls.filter((call) => done.has(call['id']));
      if (tool_calls.length === 0) return [];
      const data = { role: 'assistant', content: '', tool_calls };
      const ends = results.map((result) => ({ type: 'context.tool_result', data: result }));
      return [{ type: 'context.tool_call', data }, ...ends];
    });
  }

  /**
   * An id that no other call of the thread has: some servers count from 0 in each answer, and some
   * providers refuse an id that they find twice in a conversation.
   */
  #uniqueId(id: string, isAgain: boolean): string {
    const ofMessage = id.length < MIN_UNIQUE_ID ? `${id}-${this.#messageId.slice(-8)}` : id;
    return isAgain ? `${ofMessage}-${this.#count}` : ofMessage;
  }

  #openRound(): Round {
    const last = this.#rounds.at(-1);
    if (last?.results.length === 0) return last;
    const round: Round = { calls: [], results: [] };
    this.#rounds.push(round);
    return round;
  }
}

/** In OpenAI's form, whose arguments are an object as JSON in any case. */
function callOf({ id, name }: Named, input: unknown): JsonObject {
  const shown = boundedJson(input ?? {}, MAX_SHOWN);
  const isObject = typeof shown === 'object' && shown !== null && !Array.isArray(shown);
  const json = cleanJson(isObject ? shown : { input: shown });
  const args = json.length <= MAX_KEPT ? json : cleanJson({ cut: cutText(json, MAX_KEPT) });
  return { id, type: 'function', function: { name, arguments: args } };
}
