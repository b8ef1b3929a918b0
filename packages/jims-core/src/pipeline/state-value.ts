import type { StandardSchemaV1 } from '@standard-schema/spec';

import { JimsError } from '../errors/jims-error.ts';
import type { JsonObject } from '../thread/event.ts';

/**
 * The value of a state, as its schema reads it.
 *
 * @throws JimsError `invalid_state` when it does not fit; its `cause` has the issues.
 */
export function stateValue<T>(
  name: string,
  stored: JsonObject,
  schema: StandardSchemaV1<unknown, T>,
): T {
  const checked = schema['~standard'].validate(stored);
  if (checked instanceof Promise) {
    throw new JimsError('invalid_state', `The schema of state '${name}' must not be asynchronous`);
  }
  if (!checked.issues) return checked.value;
  const reasons = checked.issues.map((issue) => issue.message).join('; ');
  throw new JimsError('invalid_state', `State '${name}' does not fit its schema: ${reasons}`, {
    cause: checked.issues,
  });
}
