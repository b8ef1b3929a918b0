import type { JimsApp } from 'jims-core';

import { eventually } from '../../../jims-core/test/support/eventually.ts';

/** The messages of a thread once nothing runs in it: the text of each, and whether it is only a part. */
export async function keptMessages(
  app: JimsApp,
  threadId: string,
): Promise<readonly { readonly text: unknown; readonly partial: boolean }[]> {
  await eventually(async () => (await app.runs.active(threadId)) === undefined);
  const events = (await app.threads.events(threadId, { limit: 100, domains: ['comm'] })).events;
  return events.map(({ data }) => ({ text: data['content'], partial: data['partial'] === true }));
}
