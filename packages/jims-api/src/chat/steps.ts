import { createHash } from 'node:crypto';

import type { StepNews, ToolNews } from 'jims-core';

import type { ViewOptions } from './visibility.ts';

/** A step, or a tool, as a caller may see it. */
export type VisibleWork = Omit<StepNews | ToolNews, 'name'> & { readonly name?: string };

/**
 * What a caller may see of a step or of a tool. A contact sees the title and the status of one that has a title: the
 * name, what goes in and comes out, and why it failed, are the service's own matter.
 */
export function visibleWork(
  work: StepNews | ToolNews,
  { runId, seesWork }: { readonly runId: string } & Pick<ViewOptions, 'seesWork'>,
): VisibleWork | undefined {
  if (seesWork) return work;
  const { id, title, status } = work;
  // Its own id has its name.
  return title === undefined ? undefined : { id: digest(`${runId}/${id}`), title, status };
}

/** Tells pieces of work apart for callers that must not see their ids, which may have names in them. */
export function digest(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 16);
}
