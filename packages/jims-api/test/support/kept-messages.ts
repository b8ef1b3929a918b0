import type { JimsApp } from 'jims-core';

/** The messages of a thread once nothing runs in it: the text of each, and whether it is only a part. */
export async function keptMessages(
  app: JimsApp,
  threadId: string,
): Promise<readonly { readonly text: unknown; readonly partial: boolean }[]> {
  while (await app.runs.active(threadId)) await new Promise(setImmediate);
  const events = (await app.threads.events(threadId, { limit: 100, domains: ['comm'] })).events;
  return events.map(({ data }) => ({ text: data['content'], partial: data['partial'] === true }));
}
