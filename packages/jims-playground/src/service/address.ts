export const TABS = ['run', 'log', 'protocols', 'app'] as const;
export type TabName = (typeof TABS)[number];

/** What the page shows, as its address says: `#/threads/ID/runs/ID?tab=log`. */
export interface Address {
  readonly threadId: string | undefined;
  /** The newest run of the thread when it is left out. */
  readonly runId: string | undefined;
  readonly tab: TabName;
}

const PATH = /^#\/threads\/([\w-]+)(?:\/runs\/([\w-]+))?/;

export function addressOf(hash: string): Address {
  const [, threadId, runId] = PATH.exec(hash) ?? [];
  const tab = new URLSearchParams(hash.split('?', 2)[1]).get('tab');
  return { threadId, runId, tab: TABS.find((name) => name === tab) ?? 'run' };
}

export function hashOf({ threadId, runId, tab }: Address): string {
  const thread = threadId === undefined ? '' : `threads/${threadId}`;
  const run = threadId === undefined || runId === undefined ? '' : `/runs/${runId}`;
  return `#/${thread}${run}${tab === 'run' ? '' : `?tab=${tab}`}`;
}
