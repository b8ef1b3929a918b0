import type { ModelEntry, ModelTrace, ModelTraces } from '../../telemetry/trace.ts';
import { TRACE_LIMITS } from './trace-limits.ts';
import type { TraceLog } from './trace-log.ts';

/** A later request must find room, too: one gets so much of what is left. */
const SHARE = 1 / 4;
const LEAST = 2000;

/** Begins the entry of a call of a model. */
export function tracedModel(log: TraceLog, call: Parameters<ModelTraces['begin']>[0]): ModelTrace {
  const open = log.begin<ModelEntry>((moment) => ({
    ...moment,
    kind: 'model',
    ...call,
    request: null,
    answer: null,
    tokens: null,
    costUsd: null,
    tries: 1,
    firstPieceMs: null,
    error: null,
    isReplayed: false,
  }));
  return {
    get room() {
      return Math.max(LEAST, Math.min(TRACE_LIMITS.request, log.room * SHARE));
    },
    get entry() {
      return open.entry;
    },
    get ms() {
      return open.ms;
    },
    add: (news) => open.add(news),
    end: () => open.end(),
  };
}
