import type { Llm } from './llm/llm.ts';
import { newId } from './new-id.ts';
import type { RunEngine } from './run/run-engine.ts';
import type { Store } from './store/store.ts';
import type { ThreadEvent } from './thread/event.ts';
import { ThreadContext } from './thread/thread-context.ts';
import type { ContextOutput } from './thread/thread-context.ts';
import type { ThreadAccess } from './thread/thread-controller.ts';

const UNHEARD: ContextOutput = { event() {}, status() {}, delta() {}, pending() {} };

interface Opened {
  readonly store: Store;
  readonly runs: RunEngine;
}

/** Gives a thread's controller its ways into the store and the run engine, as long as they are open. */
export function threadAccess(open: () => Promise<Opened>, llm: () => Llm): ThreadAccess {
  return {
    async append(threadId, events) {
      const { store } = await open();
      return store.appendEvents(threadId, events);
    },

    async makeContext(thread) {
      const { runs } = await open();
      const log = await runs.events.load(thread);
      const signal = new AbortController().signal;
      const runId = newId();
      return new ThreadContext({ thread, log, output: UNHEARD, signal, runId, llm });
    },

    async run(thread, pipeline, signal): Promise<readonly ThreadEvent[]> {
      const { runs } = await open();
      const run = await runs.start({
        thread: { kind: 'thread', threadId: thread.id },
        pipeline,
        ...(signal && { signal }),
      });
      const end = await run.end;
      switch (end.type) {
        case 'result':
          return end.result.events;
        case 'error':
          throw end.error;
        case 'cancelled':
          throw new DOMException(`The run was stopped: ${end.reason}`, 'AbortError');
      }
    },
  };
}
