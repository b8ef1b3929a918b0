import { pipelineName } from 'jims-core';
import type { JimsApp } from 'jims-core';

import { HttpError } from '../../http/errors.ts';

const UNNAMED = 'pipeline';

export interface Model {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: string;
}

/** The app as a model: it has one. Requests may name any. */
export function modelOf({ pipeline }: JimsApp, created: number): Model {
  const name = pipelineName(pipeline);
  return { id: name === UNNAMED ? 'jims' : name, object: 'model', created, owned_by: 'jims' };
}

/** @throws HttpError 404 when it is another one's. */
export function requireModel(model: Model, id: string | undefined): Model {
  if (id === model.id) return model;
  throw new HttpError(404, `The model '${id}' does not exist`, { code: 'model_not_found' });
}
