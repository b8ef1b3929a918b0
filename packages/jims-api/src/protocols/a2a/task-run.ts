import type { NewEvent, RunRecord, Thread } from 'jims-core';

import { idIn } from '../../chat/external-ids.ts';
import { fileAddress } from '../../chat/file-address.ts';
import type { FileAddress } from '../../chat/file-address.ts';
import { seesModels, visibleTo } from '../../chat/visibility.ts';
import type { Sees } from '../../chat/visibility.ts';
import type { ApiContext, Call } from '../../http/route.ts';
import { wantsAnswersInStatus } from './extensions.ts';
import type { Message } from './wire.ts';

/** A2A's name in the external ids of its contexts: each context is a thread. */
export const PROTOCOL = 'a2a';

/** The id of the context that a thread is; a thread of another protocol is a context named by its id. */
export function contextIdOf({ id, externalId }: Thread): string {
  return idIn(PROTOCOL, externalId) ?? id;
}

/** A task, up to its newest run. */
export interface TaskRun {
  readonly id: string;
  readonly thread: Thread;
  /** The runs before the newest one. */
  readonly earlier: readonly RunRecord[];
  /** What the user said. */
  readonly question: NewEvent | undefined;
  /** Whether its caller sees which models were used. */
  readonly seesModels: boolean;
  readonly addressOf: FileAddress;
  /** Which events its caller may see. */
  readonly sees: Sees;
  readonly answersInStatus: boolean;
}

/** A task as its caller sees it; `question` is what the user said last. */
export function taskRun(
  api: ApiContext,
  call: Call,
  task: Pick<TaskRun, 'id' | 'thread' | 'earlier'>,
  question: NewEvent | undefined,
): TaskRun {
  const { id, thread, earlier } = task;
  return {
    id,
    thread,
    earlier,
    question,
    seesModels: seesModels(call.principal),
    addressOf: fileAddress(api, call),
    sees: visibleTo(call.principal),
    answersInStatus: wantsAnswersInStatus(call),
  };
}

export function agentMessage(
  run: Pick<TaskRun, 'id' | 'thread'>,
  messageId: string,
  text: string,
): Message {
  return { messageId, role: 'ROLE_AGENT', parts: [{ text }], ...namesOf(run) };
}

/** What names the task in everything that is part of it. */
export function namesOf({ id, thread }: Pick<TaskRun, 'id' | 'thread'>): {
  taskId: string;
  contextId: string;
} {
  return { taskId: id, contextId: contextIdOf(thread) };
}

/** UTC with milliseconds, as A2A has it. */
export function timestamp(at: string | undefined): string {
  return new Date(at ?? Date.now()).toISOString();
}
