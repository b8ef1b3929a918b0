// The parameters of routes, as the OpenAPI document describes them.
import * as v from 'valibot';

import { uuid } from './fastapi/fields.ts';
import type { Parameter } from './route.ts';

export function inPath(
  name: string,
  description: string,
  schema: v.GenericSchema = uuid,
): Parameter {
  return { name, in: 'path', required: true, description, schema };
}

export function inQuery(
  name: string,
  description: string,
  schema: v.GenericSchema = v.string(),
): Parameter {
  return { name, in: 'query', description, schema };
}

export function inHeader(name: string, description: string): Parameter {
  return { name, in: 'header', description, schema: v.string() };
}
