// A task is a chain of runs: it begins with the run of its first message, and has its id; each answer to
// a question adds a run.
import type { QuestionRecord, RunRecord } from 'jims-core';

import { chainOf } from '../../chat/run-chain.ts';
import type { RunChain } from '../../chat/run-chain.ts';
import type { ApiContext } from '../../http/route.ts';

/** The id of the task that a run is part of, and its runs before that one. */
export async function taskBefore(
  api: ApiContext,
  runId: string,
): Promise<{ readonly id: string; readonly earlier: readonly RunRecord[] }> {
  const record = await api.app.runs.record(runId);
  if (record?.continues === undefined) return { id: runId, earlier: [] };
  const { chainId: id } = record;
  const first = await api.app.runs.record(id);
  if (!first) return { id, earlier: [] };
  const { earlier, newest } = await chainOf(api, first);
  const runs = [...earlier, newest];
  const index = runs.findIndex((run) => run.runId === runId);
  return { id, earlier: index < 0 ? earlier : runs.slice(0, index) };
}

/** The question that a task waits with; `undefined` when it does not wait. */
export function openQuestion({ newest }: RunChain): QuestionRecord | undefined {
  return newest.question?.state === 'open' ? newest.question : undefined;
}

/** The last question to its user that a task has asked, open or not. */
export function lastQuestion({ earlier, newest }: RunChain): QuestionRecord | undefined {
  return [...earlier, newest]
    .map(({ question }) => question)
    .findLast((question) => question?.audience === 'contact');
}
