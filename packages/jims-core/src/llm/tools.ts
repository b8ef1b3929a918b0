import type { LanguageModelV4FunctionTool, LanguageModelV4ToolChoice } from '@ai-sdk/provider';

import type { ChatRequest } from './chat-request.ts';
import { invalid } from './content-parts.ts';
import { asJsonSchema7, isSchemaObject, jsonSchemaOf } from './json-schema.ts';
import type { AnswerSchema, JsonSchema } from './json-schema.ts';
import type { ToolCall } from './messages.ts';
import { canBeStrict, dropNulls, strictSchema } from './strict-schema.ts';

/** A tool that a model may ask for, as OpenAI describes it. */
export interface Tool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string;
    /** JSON schema, or a schema of zod, valibot, arktype, …; default: no parameters. */
    readonly parameters?: JsonSchema | AnswerSchema<unknown>;
    /**
     * Holds the model to the parameters, at providers that can. They are sent in the form that OpenAI
     * takes for it; parameters that have no such form, such as a record, are sent without it.
     */
    readonly strict?: boolean;
  };
}

/** Whether a tool has to be called, or which: by its name, or as OpenAI writes it. */
export type ToolChoice =
  | 'auto'
  | 'required'
  | 'none'
  | { readonly name: string }
  | { readonly type: 'function'; readonly function: { readonly name: string } };

/** Adds tools to a request. */
export async function withTools(
  request: ChatRequest,
  tools: readonly Tool[],
  choice: ToolChoice | undefined,
): Promise<ChatRequest> {
  if (!Array.isArray(tools) || !tools.every(isTool)) {
    throw invalid(
      "Tools are a list of functions as OpenAI describes them: each with a function's name",
    );
  }
  if (tools.length === 0) return request;
  return {
    ...request,
    tools: await Promise.all(tools.map(functionTool)),
    ...(choice !== undefined && { toolChoice: toolChoice(choice) }),
  };
}

function isTool(tool: unknown): tool is Tool {
  if (typeof tool !== 'object' || tool === null || !('function' in tool)) return false;
  const described = tool.function;
  if (typeof described !== 'object' || described === null || !('name' in described)) return false;
  return typeof described.name === 'string';
}

/** In the arguments for a strict tool, null stands for an optional parameter that is left out. */
export function callsAsMeant(
  calls: readonly ToolCall[],
  tools: readonly Tool[],
): Promise<readonly ToolCall[]> {
  return Promise.all(calls.map((call) => callAsMeant(call, tools)));
}

async function callAsMeant(call: ToolCall, tools: readonly Tool[]): Promise<ToolCall> {
  const { name, arguments: json } = call.function;
  const tool = tools.find((each) => each.function.name === name)?.function;
  if (!tool?.strict || !json.includes('null')) return call;
  const schema = await parametersOf(tool);
  if (!canBeStrict(schema)) return call;
  try {
    const meant = JSON.stringify(dropNulls(JSON.parse(json), schema));
    return { ...call, function: { name, arguments: meant } };
  } catch {
    return call;
  }
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

function toolChoice(choice: ToolChoice): LanguageModelV4ToolChoice {
  if (typeof choice === 'string') return { type: choice };
  return { type: 'tool', toolName: 'function' in choice ? choice.function.name : choice.name };
}
