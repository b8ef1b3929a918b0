import type { LanguageModelV4FunctionTool, LanguageModelV4ToolChoice } from '@ai-sdk/provider';

import type { ChatRequest } from './chat-request.ts';
import { asJsonSchema7, isSchemaObject, jsonSchemaOf } from './json-schema.ts';
import type { AnswerSchema, JsonSchema } from './json-schema.ts';

/** A tool that a model may ask for, as OpenAI describes it. */
export interface Tool {
  readonly type: 'function';
  readonly function: {
    readonly name: string;
    readonly description?: string;
    /** JSON schema, or a schema of zod, valibot, arktype, …; default: no parameters. */
    readonly parameters?: JsonSchema | AnswerSchema<unknown>;
    readonly strict?: boolean;
  };
}

export type ToolChoice = 'auto' | 'required' | 'none' | { readonly name: string };

/** Adds tools to a request. */
export async function withTools(
  request: ChatRequest,
  tools: readonly Tool[],
  choice: ToolChoice | undefined,
): Promise<ChatRequest> {
  if (tools.length === 0) return request;
  return {
    ...request,
    tools: await Promise.all(tools.map(functionTool)),
    ...(choice !== undefined && { toolChoice: toolChoice(choice) }),
  };
}

async function functionTool({ function: tool }: Tool): Promise<LanguageModelV4FunctionTool> {
  const { name, description, parameters, strict } = tool;
  const inputSchema = isSchemaObject(parameters) ? await jsonSchemaOf(parameters) : parameters;
  return {
    type: 'function',
    name,
    inputSchema: asJsonSchema7(inputSchema ?? { type: 'object', properties: {} }),
    ...(description !== undefined && { description }),
    ...(strict !== undefined && { strict }),
  };
}

function toolChoice(choice: ToolChoice): LanguageModelV4ToolChoice {
  return typeof choice === 'string' ? { type: choice } : { type: 'tool', toolName: choice.name };
}
