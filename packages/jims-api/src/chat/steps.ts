import { createHash } from 'node:crypto';

import type { StepNews } from 'jims-core';

import type { ViewOptions } from './visibility.ts';

/** A step as a caller may see it. */
export type VisibleStep = Omit<StepNews, 'name'> & { readonly name?: string };

/**
 * What a caller may see of a step. A contact sees the title and the status of one that has a title: the
 * name, what goes in and comes out, and why it failed, are the service's own matter.
 */
export function visibleStep(
  step: StepNews,
  { runId, seesWork }: { readonly runId: string } & Pick<ViewOptions, 'seesWork'>,
): VisibleStep | undefined {
  if (seesWork) return step;
  const { id, title, status } = step;
  // Its own id has its name.
  return title === undefined ? undefined : { id: digest(`${runId}/${id}`), title, status };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
