import { EventLog } from '../event-log.ts';
import { isRunEnd } from '../run-events.ts';
import type { RunTracer } from './run-tracer.ts';

/** The live events of a run that is traced: only such a run pays for it. */
export class TracedLog extends EventLog {
  readonly #tracer: RunTracer;

  constructor(attempt: number, tracer: RunTracer) {
    super(attempt);
    this.#tracer = tracer;
  }

  override push(event: Parameters<EventLog['push']>[0]): void {
    super.push(event);
    if (!isRunEnd(event)) this.#tracer.sent(event);
  }
}
