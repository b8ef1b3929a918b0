// Types of members that pydantic reads in its own way: what it accepts, and how it refuses the rest.
// `expected` holds pydantic's name of the fault; the metadata is the JSON Schema.
import type { JsonObject } from 'jims-core';
import * as v from 'valibot';

import { isJsonObject } from '../json-object.ts';
import { tooManyItems } from '../list.ts';
import { canonicalUuid, uuidFault } from './uuid.ts';

const TRUE: ReadonlySet<unknown> = new Set([true, 1, '1', 'true', 't', 'yes', 'y', 'on']);
const FALSE: ReadonlySet<unknown> = new Set([false, 0, '0', 'false', 'f', 'no', 'n', 'off']);

type Field<TOutput> = v.GenericSchema<unknown, TOutput>;

/** How many members a {@link sentObject} may have. */
const MAX_MEMBERS = 1000;

/** A JSON object, taken as it is: no name in it is special. */
export const jsonObject: Field<JsonObject> = objectOf(Number.POSITIVE_INFINITY);

/** As {@link jsonObject}, for what clients send: of at most 1000 members. */
export const sentObject: Field<JsonObject> = objectOf(MAX_MEMBERS);

function objectOf(maxProperties: number): Field<JsonObject> {
  return v.pipe(
    v.unknown(),
    v.metadata({
      type: 'object',
      additionalProperties: true,
      ...(Number.isFinite(maxProperties) && { maxProperties }),
    }),
    v.rawTransform<unknown, JsonObject>(({ dataset: { value }, addIssue, NEVER }) => {
      if (!isJsonObject(value)) {
        addIssue({ expected: 'dict_type', message: 'Input should be a valid dictionary' });
        return NEVER;
      }
      const count = Object.keys(value).length;
      if (count <= maxProperties) return value;
      addIssue({
        expected: 'too_long',
        message: tooManyItems('Dictionary', maxProperties, count),
      });
      return NEVER;
    }),
  );
}

/** A UUID in any spelling that pydantic takes; gives the canonical one. */
export const uuid: Field<string> = v.pipe(
  v.unknown(),
  v.metadata({ type: 'string', format: 'uuid' }),
  v.rawTransform<unknown, string>(({ dataset: { value }, addIssue, NEVER }) => {
    const canonical = typeof value === 'string' ? canonicalUuid(value) : undefined;
    if (canonical !== undefined) return canonical;
    addIssue(
      typeof value === 'string'
        ? {
            expected: 'uuid_parsing',
            message: `Input should be a valid UUID, ${uuidFault(value)}`,
          }
        : {
            expected: 'uuid_type',
            message: 'UUID input should be a string, bytes or UUID object',
          },
    );
    return NEVER;
  }),
);

/** A boolean, or one of the words and numbers that pydantic takes for one. */
export const boolean: Field<boolean> = v.pipe(
  v.unknown(),
  v.metadata({ type: 'boolean' }),
  v.rawTransform<unknown, boolean>(({ dataset: { value }, addIssue, NEVER }) => {
    const word = typeof value === 'string' ? value.toLowerCase() : value;
    if (TRUE.has(word)) return true;
    if (FALSE.has(word)) return false;
    const message = 'Input should be a valid boolean';
    addIssue(
      typeof value === 'string' || Number.isInteger(value)
        ? { expected: 'bool_parsing', message: `${message}, unable to interpret input` }
        : { expected: 'bool_type', message },
    );
    return NEVER;
  }),
);
