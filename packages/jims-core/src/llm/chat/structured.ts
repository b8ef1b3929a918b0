import type { LanguageModelV4, LanguageModelV4GenerateResult } from '@ai-sdk/provider';

import { isJimsError } from '../../errors/jims-error.ts';
import type { LlmScope } from '../call.ts';
import { UnfitAnswerError } from '../failures/errors.ts';
import { membersOf } from '../foreign-json.ts';
import type { UsableModel } from '../providers/models.ts';
import { asJsonSchema7, jsonSchemaOf, mapSchemas } from '../schemas/json-schema.ts';
import type { AnswerSchema, JsonSchema } from '../schemas/json-schema.ts';
import {
  canBeStrict,
  dropNulls,
  strictSchema,
  withoutLookaround,
} from '../schemas/strict-schema.ts';
import { complete, textIn } from './complete.ts';
import { finishReasonOf } from './finish-reason.ts';
import type { ChatCall, ChatOptions, ChatRequest } from './request.ts';

/** Options of `chatCompletionStructured`. */
export interface StructuredOptions extends ChatOptions {
  /** The name of the answer for the model; default `response`. */
  readonly name?: string;
}

interface StructuredCall<T> extends ChatCall {
  readonly schema: AnswerSchema<T>;
  /** The name of the answer for the model. */
  readonly name: string;
}

/** Models whose server has refused schemas. */
const withoutSchema = new WeakSet<LanguageModelV4>();

/** Gets an answer that fits a schema; an answer that does not fit is requested again. */
export async function completeStructured<T>(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options, schema, name }: StructuredCall<T>,
): Promise<T> {
  const own = await jsonSchemaOf(schema);
  // Providers want an object: a schema of anything else becomes that of its property `value`.
  const wrapped = own['type'] !== 'object';
  const sent = wrapped ? inObject(own) : own;

  async function accept(result: LanguageModelV4GenerateResult): Promise<T> {
    const json = parse(result, name);
    // A model that is not held to the schema may leave out the object around the value.
    const isWrapped = membersOf(json)['value'] !== undefined;
    const withoutNulls = dropNulls(wrapped && !isWrapped ? { value: json } : json, sent);
    const value = wrapped ? membersOf(withoutNulls)['value'] : withoutNulls;
    const checked = await schema['~standard'].validate(value);
    if (!checked.issues) return checked.value;
    throw new UnfitAnswerError(`does not fit the schema '${name}'`, checked.issues);
  }

  const inPrompt = (): Promise<T> =>
    complete(scope, target, { request: withSchemaInPrompt(request, sent), options }, accept);

  if (!target.structuredOutputs || withoutSchema.has(target.model)) return inPrompt();
  try {
    const structured = withSchema(target, request, { schema: sent, name });
    return await complete(scope, target, { request: structured, options }, accept);
  } catch (error) {
    if (!refusesSchemas(error)) throw error;
    withoutSchema.add(target.model);
    return inPrompt();
  }
}

function withSchema(
  { provider }: UsableModel<LanguageModelV4>,
  request: ChatRequest,
  { schema, name }: { readonly schema: JsonSchema; readonly name: string },
): ChatRequest {
  const strict = canBeStrict(schema);
  const sent = strict ? strictSchema(schema) : withoutLookaround(schema);
  const { providerOptions = {} } = request;
  const notStrict = { ...providerOptions[provider], strictJsonSchema: false };
  return {
    ...request,
    responseFormat: { type: 'json', name, schema: asJsonSchema7(sent) },
    providerOptions: { ...providerOptions, ...(!strict && { [provider]: notStrict }) },
  };
}

/** For a server that supports JSON but no schema: the first system message describes the schema. */
function withSchemaInPrompt(request: ChatRequest, schema: JsonSchema): ChatRequest {
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

/** Whether the server takes no schemas at all. Another error is about this schema. */
function refusesSchemas(error: unknown): boolean {
  if (!isJimsError(error) || error.code !== 'llm_failed') return false;
  const { message, cause } = error;
  const status = Error.isError(cause) && 'statusCode' in cause ? Number(cause.statusCode) : 0;
  const refused = (status >= 400 && status < 429) || status === 501;
  return refused && SCHEMA_WORDS.test(message) && REFUSAL_WORDS.test(message);
}

function parse(result: LanguageModelV4GenerateResult, name: string): unknown {
  const reason = finishReasonOf(result.finishReason);
  if (reason === 'content_filter') throw new UnfitAnswerError('is a refusal', [], false);
  if (reason === 'length') {
    throw new UnfitAnswerError('was cut off at its maximum length', [], false);
  }
  try {
    return answerJson(result.structuredOutputText ?? textIn(result));
  } catch {
    throw new UnfitAnswerError(`is not JSON, which the schema '${name}' requires`, []);
  }
}

/** A thought before the answer. Where the template of a model opens it, the answer has its end alone. */
const THOUGHT = /^.*?<\/think(?:ing)?>/is;
/** The beginning of a fence around the whole answer. */
const OPENING = /^(`{3,})[\w-]*\s*/;

/**
 * The JSON of an answer, without what models put around it: a thought before it, a fence around it.
 *
 * @throws SyntaxError when it is not JSON.
 */
function answerJson(text: string): unknown {
  const whole = text.replace(/^\uFEFF/, '').trim();
  // A string in an answer that begins at once may look like the end of a thought.
  const answer = /^[{["`]/.test(whole) ? whole : whole.replace(THOUGHT, '').trim();
  // No single expression for both ends of a fence: many blanks would keep it busy for seconds.
  const [opening = '', fence = ''] = OPENING.exec(answer) ?? [];
  const inside = answer.slice(opening.length);
  return JSON.parse(
    fence !== '' && inside.endsWith(fence) ? inside.slice(0, -fence.length) : answer,
  );
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

/** Moves references to the root to its new position as a property. Definitions stay at the root. */
function moved(schema: JsonSchema): JsonSchema {
  const { $ref } = schema;
  const children = mapSchemas(schema, moved);
  const stays = typeof $ref !== 'string' || !/^#(?!\/(?:\$defs|definitions)\/)/.test($ref);
  return stays ? children : { ...children, $ref: `#/properties/value${$ref.slice(1)}` };
}
