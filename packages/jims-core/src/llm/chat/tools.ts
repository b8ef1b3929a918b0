import type {
  LanguageModelV4,
  LanguageModelV4FunctionTool,
  LanguageModelV4ToolChoice,
} from '@ai-sdk/provider';

import type { LlmScope } from '../call.ts';
import { invalidInput } from '../failures/errors.ts';
import type { FinishReason } from '../finish-reasons.ts';
import { membersOf } from '../foreign-json.ts';
import type { UsableModel } from '../providers/models.ts';
import { asJsonSchema7, isSchemaObject, jsonSchemaOf } from '../schemas/json-schema.ts';
import type { AnswerSchema, JsonSchema } from '../schemas/json-schema.ts';
import { canBeStrict, dropNulls, strictSchema } from '../schemas/strict-schema.ts';
import { complete, messageMaker } from './complete.ts';
import type { AssistantMessage, ToolCall } from './messages.ts';
import type { ChatCall, ChatOptions, ChatRequest } from './request.ts';

/** A tool that a model may call, in OpenAI's form. */
export interface Tool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    /** What the tool does, for the model. */
    readonly description?: string;
    /** JSON schema, or a schema of zod, valibot, arktype, …; default: no parameters. */
    readonly parameters?: JsonSchema | AnswerSchema<unknown>;
    /**
     * Holds the model to the parameters, where the provider can. They are sent in the form that
     * OpenAI's strict mode takes. Parameters without such a form, such as a record, are sent as they
     * are, and not strict.
     */
    readonly strict?: boolean;
  };
}

/**
 * Whether the model has to call a tool: `auto` leaves it to the model, `required` demands any,
 * `none` forbids it. A tool is demanded by its name, or in OpenAI's form.
 */
export type ToolChoice =
  | 'auto'
  | 'required'
  | 'none'
  | { readonly name: string }
  | { readonly type: 'function'; readonly function: { readonly name: string } };

/** Options of `chatCompletionWithTools`. */
export interface ToolsOptions extends ChatOptions {
  /** Whether the model has to call a tool, or which one; default: the model decides. */
  readonly toolChoice?: ToolChoice;
}

/** The answer of a model that was given tools. */
export interface ToolsAnswer {
  /** To be put into the messages of the next call as it is. */
  readonly message: AssistantMessage;
  /** The tool calls that the model wants; the same as in `message`. */
  readonly toolCalls: readonly ToolCall[];
  readonly finishReason: FinishReason;
}

interface ToolsCall extends ChatCall {
  readonly options: ToolsOptions;
  readonly tools: readonly Tool[];
}

/** Gets an answer from a model that may call tools. */
export async function completeWithTools(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options, tools }: ToolsCall,
): Promise<ToolsAnswer> {
  const withTools = { ...request, ...(await toolsOf(tools, options.toolChoice)) };
  const accept = messageMaker(target, options, (calls) =>
    Promise.all(calls.map((call) => withoutNulls(call, tools))),
  );
  const message = await complete(scope, target, { request: withTools, options }, accept);
  const { tool_calls: toolCalls = [], finishReason } = message;
  return { message, toolCalls, finishReason };
}

/** The tools of a request. @throws JimsError `llm_input_invalid` */
export async function toolsOf(
  tools: readonly Tool[],
  choice: ToolChoice | undefined,
): Promise<Pick<ChatRequest, 'tools' | 'toolChoice'>> {
  if (!Array.isArray(tools) || !tools.every(isTool)) {
    throw invalidInput(
      "Tools must be a list of functions in OpenAI's form, each with the name of its function",
    );
  }
  if (tools.length === 0) return {};
  return {
    tools: await Promise.all(tools.map(functionTool)),
    ...(choice !== undefined && { toolChoice: toolChoiceOf(choice) }),
  };
}

function isTool(tool: unknown): tool is Tool {
  return typeof membersOf(membersOf(tool)['function'])['name'] === 'string';
}

async function functionTool({ function: tool }: Tool): Promise<LanguageModelV4FunctionTool> {
  const { name, description, strict } = tool;
  const schema = await parametersOf(tool);
  const isStrict = strict && canBeStrict(schema);
  return {
    type: 'function',
    name,
    inputSchema: asJsonSchema7(isStrict ? strictSchema(schema) : schema),
    ...(description !== undefined && { description }),
    ...(strict !== undefined && { strict: isStrict ?? false }),
  };
}

async function parametersOf({ parameters }: Tool['function']): Promise<JsonSchema> {
  const schema = isSchemaObject(parameters) ? await jsonSchemaOf(parameters) : parameters;
  return schema ?? { type: 'object', properties: {} };
}

function toolChoiceOf(choice: ToolChoice): LanguageModelV4ToolChoice {
  if (typeof choice === 'string') return { type: choice };
  return { type: 'tool', toolName: 'function' in choice ? choice.function.name : choice.name };
}

/** In strict mode a model writes null for an optional parameter that it leaves out. */
async function withoutNulls(call: ToolCall, tools: readonly Tool[]): Promise<ToolCall> {
  const { name, arguments: json } = call.function;
  const tool = tools.find((each) => each.function.name === name)?.function;
  if (!tool?.strict || !json.includes('null')) return call;
  const schema = await parametersOf(tool);
  if (!canBeStrict(schema)) return call;
  try {
    const repaired = JSON.stringify(dropNulls(JSON.parse(json), schema));
    return { ...call, function: { name, arguments: repaired } };
  } catch {
    return call;
  }
}
