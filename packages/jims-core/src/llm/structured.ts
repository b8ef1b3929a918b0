import type { LanguageModelV4, LanguageModelV4GenerateResult } from '@ai-sdk/provider';

import type { CallOptions, LlmScope } from './call.ts';
import type { ChatRequest } from './chat-request.ts';
import { answerText, complete } from './complete.ts';
import { asJsonSchema7, jsonSchemaOf } from './json-schema.ts';
import type { AnswerSchema, JsonSchema } from './json-schema.ts';
import type { UsableModel } from './models.ts';
import { canBeStrict, dropNulls, strictSchema } from './strict-schema.ts';
import { UnfitAnswerError } from './unfit-answer.ts';

export interface StructuredCall<T> {
  readonly request: ChatRequest;
  readonly options: CallOptions;
  readonly schema: AnswerSchema<T>;
  /** What the answer is called towards the model. */
  readonly name: string;
}

/** Asks for an answer that fits a schema, and asks again when it does not. */
export async function completeStructured<T>(
  scope: LlmScope,
  target: UsableModel<LanguageModelV4>,
  { request, options, schema, name }: StructuredCall<T>,
): Promise<T> {
  const own = await jsonSchemaOf(schema);
  // Providers want an object: anything else travels in one.
  const wrapped = own['type'] !== 'object';
  const asked = wrapped ? inObject(own) : own;
  const strict = canBeStrict(asked);
  const structured: ChatRequest = {
    ...request,
    responseFormat: {
      type: 'json',
      name,
      schema: asJsonSchema7(strict ? strictSchema(asked) : asked),
    },
    providerOptions: { ...request.providerOptions, ...(!strict && notStrict(target, request)) },
  };

  async function accept(result: LanguageModelV4GenerateResult): Promise<T> {
    const json = parse(result, name);
    const value = dropNulls(json, asked);
    const checked = await schema['~standard'].validate(wrapped ? valueOf(value) : value);
    if (!checked.issues) return checked.value;
    throw new UnfitAnswerError(`does not fit the schema '${name}'`, checked.issues);
  }

  return complete(scope, target, { request: structured, options }, accept);
}

function parse(result: LanguageModelV4GenerateResult, name: string): unknown {
  const { unified: finish } = result.finishReason;
  if (finish === 'content-filter') throw new UnfitAnswerError('is a refusal', [], false);
  if (finish === 'length') throw new UnfitAnswerError('was cut off for its length', [], false);
  const text = result.structuredOutputText ?? answerText(result);
  try {
    return JSON.parse(text);
  } catch {
    throw new UnfitAnswerError(`is not JSON, as the schema '${name}' wants it`, []);
  }
}

function inObject(schema: JsonSchema): JsonSchema {
  const { $defs, definitions, ...value } = schema;
  return {
    type: 'object',
    properties: { value },
    required: ['value'],
    additionalProperties: false,
    ...($defs !== undefined && { $defs }),
    ...(definitions !== undefined && { definitions }),
  };
}

function valueOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'value' in value ? value.value : undefined;
}

function notStrict(
  { provider }: UsableModel<LanguageModelV4>,
  { providerOptions = {} }: ChatRequest,
): ChatRequest['providerOptions'] {
  return { [provider]: { ...providerOptions[provider], strictJsonSchema: false } };
}
