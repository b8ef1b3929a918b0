import type { StandardSchemaV1 } from '@standard-schema/spec';

import { JimsError, isJimsError } from '../../errors/jims-error.ts';
import { cleanJson, cleanText, cutText } from '../../text/clean-text.ts';
import { MessageSources } from '../../thread/message-sources.ts';
import { newId } from '../../thread/new-id.ts';
import type { ToolCall } from '../chat/messages.ts';
import type { Tool } from '../chat/tools.ts';
import { objectOf, parsedJson } from '../foreign-json.ts';
import { jsonSchemaOf } from '../schemas/json-schema.ts';
import { dropNulls } from '../schemas/strict-schema.ts';
import type { ExecutionScope, PlannedCall, ToolResult } from './loop-host.ts';
import type { RunTool, RunTools, ToolScope } from './run-options.ts';

/** The names that all providers take. */
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const MAX_OUTPUT = 16 * 1024;
const MAX_ERROR = 4 * 1024;
const MAX_TITLE = 200;
const MAX_QUESTION = 4 * 1024;
/** What is wrong in the app, and not in the call. */
const MISTAKES: ReadonlySet<string> = new Set(['step_nested', 'invalid_event']);
const NOTHING = { type: 'object', properties: {} };

/** Gets what a tool threw, or why a call of a model cannot be made. */
type OnToolFailed = (tool: string, error: unknown) => void;

/** The tools of one loop. */
export class ToolSet {
  readonly #tools: ReadonlyMap<string, BoundTool>;
  readonly #onFailed: OnToolFailed | undefined;

  /** @throws JimsError `llm_input_invalid` for a tool that no provider takes, or that cannot ask for approval. */
  static of<T extends object>(tools: RunTools<T> | undefined, onFailed?: OnToolFailed): ToolSet {
    const all: [string, RunTool][] = Object.entries(tools ?? {});
    return new ToolSet(
      all.map(([name, tool]) => [name, bound(name, tool)]),
      onFailed,
    );
  }

  private constructor(
    tools: readonly (readonly [string, BoundTool])[],
    onFailed: OnToolFailed | undefined,
  ) {
    this.#tools = new Map(tools);
    this.#onFailed = onFailed;
  }

  /** The tools as a model gets them. */
  forModel(): Promise<readonly Tool[]> {
    return Promise.all([...this.#tools.values()].map((tool) => tool.forModel()));
  }

  /**
   * Checks a call.
   *
   * @param known The ids of earlier calls: some servers give none, or the same ones again.
   */
  async plan(
    { id, function: called }: ToolCall,
    known: Set<string>,
    signal: AbortSignal,
  ): Promise<PlannedCall> {
    const own = id === '' || known.has(id) ? newId() : id;
    known.add(own);
    const name = NAME.test(called.name) ? called.name : called.name.replaceAll(/[^\w-]/g, '_');
    const call = { id: own, name: name.slice(0, 64) || 'unnamed', arguments: called.arguments };
    const tool = this.#tools.get(called.name);
    const unfit = (fault: string): PlannedCall => {
      this.#onFailed?.(call.name, fault);
      return { ...call, fault };
    };
    if (!tool) return unfit(this.#unknown(called.name));
    try {
      const plan = await tool.plan(called.arguments);
      return plan.fault === undefined ? { ...call, ...plan } : unfit(plan.fault);
    } catch (error) {
      signal.throwIfAborted();
      this.#onFailed?.(call.name, error);
      return { ...call, fault: messageOf(error) };
    }
  }

  /** Makes a call that was checked. A failure is a result, unless its run was stopped. */
  async execute(
    call: PlannedCall,
    scope: ExecutionScope & Pick<ToolScope, 'signal'>,
  ): Promise<ToolResult> {
    const tool = this.#tools.get(call.name);
    if (!tool) return failed(this.#unknown(call.name));
    const sources = new MessageSources();
    const source: ToolScope['source'] = (given) => void sources.add(given);
    try {
      const result = resultOf(await tool.execute(call.arguments, { ...scope, source }));
      return sources.list.length === 0 ? result : { ...result, sources: sources.list };
    } catch (error) {
      scope.signal.throwIfAborted();
      // A mistake in the app, which no model can do anything about.
      if (isJimsError(error) && MISTAKES.has(error.code)) throw error;
      this.#onFailed?.(call.name, error);
      return failed(messageOf(error));
    }
  }

  #unknown(name: string): string {
    const names = [...this.#tools.keys()].join(', ');
    return cutText(
      `There is no tool '${cutText(cleanText(name), 100)}', only: ${names}`,
      MAX_ERROR,
    );
  }
}

/** The result of a call that came to nothing. */
export function failed(message: string): ToolResult {
  const error = cutText(cleanText(message), MAX_ERROR);
  return { content: cleanJson({ error }), error };
}

interface BoundTool {
  forModel(): Promise<Tool>;
  plan(json: string): Promise<Pick<PlannedCall, 'fault' | 'title' | 'question'>>;
  execute(json: string, scope: ToolScope): Promise<unknown>;
}

/** A tool with its input, which only itself knows. */
function bound<T>(name: string, tool: RunTool<T>): BoundTool {
  check(name, tool);
  const { description, schema, title, needsApproval, approvalText } = tool;

  return {
    async forModel() {
      const parameters = schema ? await jsonSchemaOf(schema) : NOTHING;
      if (parameters['type'] === 'object') {
        return { type: 'function', function: { name, description, parameters } };
      }
      throw invalidInput(`The schema of the tool '${name}' must be that of an object`);
    },

    async plan(json) {
      const read = await inputOf(schema, json);
      if ('fault' in read) return read;
      const { input } = read;
      const shown = await textFor(title, input, MAX_TITLE);
      const asks = typeof needsApproval === 'function' ? await needsApproval(input) : needsApproval;
      const question = asks
        ? ((await textFor(approvalText, input, MAX_QUESTION)) ?? shown)
        : undefined;
      return {
        ...(shown !== undefined && { title: shown }),
        ...(question !== undefined && { question }),
      };
    },

    async execute(json, scope) {
      const read = await inputOf(schema, json);
      if ('fault' in read) throw new Error(read.fault);
      return tool.execute(read.input, scope);
    },
  };
}

function check<T>(name: string, tool: RunTool<T>): void {
  if (!NAME.test(name)) {
    throw invalidInput(
      `A tool cannot be called '${cutText(name, 100)}': use 1 to 64 letters, digits, _ and -`,
    );
  }
  if (typeof tool?.execute !== 'function' || typeof tool.description !== 'string') {
    throw invalidInput(`The tool '${name}' needs a description and a function execute`);
  }
  const { needsApproval = false, approvalText, title } = tool;
  if (needsApproval !== false && approvalText === undefined && title === undefined) {
    throw invalidInput(
      `The tool '${name}' needs approval: give it an approvalText or a title, which says to the contact what is to be done`,
    );
  }
}

type Read<T> = { readonly input: T } | { readonly fault: string };

async function inputOf<T>(
  schema: StandardSchemaV1<unknown, T> | undefined,
  json: string,
): Promise<Read<T>> {
  const given = objectOf(parsedJson(json));
  if (!given) return { fault: 'The arguments are not a JSON object' };
  // Without a schema the tool takes what comes.
  if (!schema) return { input: JSON.parse(json) };
  const checked = await schema['~standard'].validate(given);
  if (!checked.issues) return { input: checked.value };
  // Models write null for what they leave out.
  const again = json.includes('null')
    ? await schema['~standard'].validate(dropNulls(given, await jsonSchemaOf(schema)))
    : checked;
  if (!again.issues) return { input: again.value };
  const reasons = checked.issues.map(reasonOf).join('; ');
  return { fault: cutText(`The arguments do not fit: ${cleanText(reasons)}`, MAX_ERROR) };
}

function reasonOf({ message, path = [] }: StandardSchemaV1.Issue): string {
  const where = path.map((each) => String(typeof each === 'object' ? each.key : each)).join('.');
  return where === '' ? message : `${where}: ${message}`;
}

async function textFor<T>(
  text: RunTool<T>['approvalText'],
  input: T,
  max: number,
): Promise<string | undefined> {
  const made = typeof text === 'function' ? await text(input) : text;
  return made === undefined ? undefined : cutText(cleanText(made), max);
}

function resultOf(output: unknown): ToolResult {
  if (output === undefined) return { content: 'done' };
  if (typeof output === 'string') return { content: cutText(cleanText(output), MAX_OUTPUT) };
  const json = cleanJson(output);
  return json.length <= MAX_OUTPUT
    ? { content: json, isJson: true }
    : { content: cutText(json, MAX_OUTPUT) };
}

function messageOf(error: unknown): string {
  return cutText(cleanText(Error.isError(error) ? error.message : String(error)), MAX_ERROR);
}

function invalidInput(message: string): JimsError {
  return new JimsError('llm_input_invalid', message);
}
