import type { LanguageModelV4, LanguageModelV4GenerateResult } from '@ai-sdk/provider';

import { isJimsError } from '../errors/jims-error.ts';
import { answerJson } from './answer-json.ts';
import type { LlmScope } from './call.ts';
import type { ChatOptions, ChatRequest } from './chat-request.ts';
import { answerText, complete, endOf } from './complete.ts';
import { membersOf } from './foreign-json.ts';
import { asJsonSchema7, jsonSchemaOf } from './json-schema.ts';
import type { AnswerSchema, JsonSchema } from './json-schema.ts';
import type { UsableModel } from './models.ts';
import { mapSchemas } from './schema-walk.ts';
import { canBeStrict, dropNulls, strictSchema, withoutLookaround } from './strict-schema.ts';
import { UnfitAnswerError } from './unfit-answer.ts';

export interface StructuredCall<T> {
  readonly request: ChatRequest;
  readonly options: ChatOptions;
  readonly schema: AnswerSchema<T>;
  /** What the answer is called towards the model. */
  readonly name: string;
}

/** The models of which a server has said that it takes no schema for them. */
const withoutSchema = new WeakSet<LanguageModelV4>();

/** Requests an answer that fits a schema, and another when it does not. */
export async function completeStructured<T>(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options, schema, name }: StructuredCall<T>,
): Promise<T> {
  const own = await jsonSchemaOf(schema);
  // Providers want an object: anything else travels in one.
  const wrapped = own['type'] !== 'object';
  const outer = wrapped ? inObject(own) : own;

  async function accept(result: LanguageModelV4GenerateResult): Promise<T> {
    const json = parse(result, name);
    const value = wrapped && !isWrapped(json) ? { value: json } : json;
    const meant = dropNulls(value, outer);
    const checked = await schema['~standard'].validate(wrapped ? valueOf(meant) : meant);
    if (!checked.issues) return checked.value;
    throw new UnfitAnswerError(`does not fit the schema '${name}'`, checked.issues);
  }

  const inWords = (): Promise<T> =>
    complete(scope, target, { request: withWords(request, outer), options }, accept);

  if (!target.structuredOutputs || withoutSchema.has(target.model)) return inWords();
  try {
    const structured = withSchema(target, request, { schema: outer, name });
    return await complete(scope, target, { request: structured, options }, accept);
  } catch (error) {
    if (!refusesSchemas(error)) throw error;
    withoutSchema.add(target.model);
    return inWords();
  }
}

function withSchema(
  target: UsableModel<LanguageModelV4>,
  request: ChatRequest,
  { schema, name }: { readonly schema: JsonSchema; readonly name: string },
): ChatRequest {
  const strict = canBeStrict(schema);
  const sent = strict ? strictSchema(schema) : withoutLookaround(schema);
  return {
    ...request,
    responseFormat: { type: 'json', name, schema: asJsonSchema7(sent) },
    providerOptions: { ...request.providerOptions, ...(!strict && notStrict(target, request)) },
  };
}

/** For a server that promises JSON and no more: the schema is put into words, before all others. */
function withWords(request: ChatRequest, schema: JsonSchema): ChatRequest {
  const words = `Answer with JSON alone, which fits this JSON schema: ${JSON.stringify(schema)}`;
  const [first, ...rest] = request.prompt;
  const prompt: ChatRequest['prompt'] =
    first?.role === 'system'
      ? [{ ...first, content: `${first.content}\n\n${words}` }, ...rest]
      : [{ role: 'system', content: words }, ...request.prompt];
  return { ...request, prompt, responseFormat: { type: 'json' } };
}

const SCHEMA_WORDS = /json_schema|response.?format|structured.?output/i;
const REFUSAL_WORDS =
  /support|unavailable|not (?:available|allowed|enabled|permitted)|unknown variant|unrecognized|one of|must be/i;

/** Whether a server says that it takes no schemas, and not that this one is wrong. */
function refusesSchemas(error: unknown): boolean {
  if (!isJimsError(error) || error.code !== 'llm_failed') return false;
  const { message, cause } = error;
  const status = Error.isError(cause) && 'statusCode' in cause ? Number(cause.statusCode) : 0;
  const refused = (status >= 400 && status < 429) || status === 501;
  return refused && SCHEMA_WORDS.test(message) && REFUSAL_WORDS.test(message);
}

function parse(result: LanguageModelV4GenerateResult, name: string): unknown {
  const end = endOf(result);
  if (end === 'content_filter') throw new UnfitAnswerError('is a refusal', [], false);
  if (end === 'length') throw new UnfitAnswerError('was cut off for its length', [], false);
  try {
    return answerJson(result.structuredOutputText ?? answerText(result));
  } catch {
    throw new UnfitAnswerError(`is not JSON, as the schema '${name}' wants it`, []);
  }
}

function inObject(schema: JsonSchema): JsonSchema {
  const { $defs, definitions, ...value } = moved(schema);
  return {
    type: 'object',
    properties: { value },
    required: ['value'],
    additionalProperties: false,
    ...($defs !== undefined && { $defs }),
    ...(definitions !== undefined && { definitions }),
  };
}

/** References to the root, which is to become a property. Definitions stay at the root. */
function moved(schema: JsonSchema): JsonSchema {
  const { $ref } = schema;
  const children = mapSchemas(schema, moved);
  const stays = typeof $ref !== 'string' || !/^#(?!\/(?:\$defs|definitions)\/)/.test($ref);
  return stays ? children : { ...children, $ref: `#/properties/value${$ref.slice(1)}` };
}

/** A model that was not held to the schema may leave the object around the value out. */
function isWrapped(json: unknown): boolean {
  return membersOf(json)['value'] !== undefined;
}

function valueOf(value: unknown): unknown {
  return membersOf(value)['value'];
}

function notStrict(
  { provider }: UsableModel<LanguageModelV4>,
  { providerOptions = {} }: ChatRequest,
): ChatRequest['providerOptions'] {
  return { [provider]: { ...providerOptions[provider], strictJsonSchema: false } };
}
