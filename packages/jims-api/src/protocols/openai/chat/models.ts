import type { JimsApp } from 'jims-core';

export interface Model {
  readonly id: string;
  readonly object: 'model';
  readonly created: number;
  readonly owned_by: 'jims';
}

/** The app as a model. Requests may name any: front ends have names of their own for it. */
export function modelOf({ name = 'jims' }: JimsApp, id: string = name): Model {
  return { id, object: 'model', created: 0, owned_by: 'jims' };
}
