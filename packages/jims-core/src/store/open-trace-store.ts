import { describeError } from '../errors/jims-error.ts';
import type { Logger } from '../telemetry/logger.ts';
import { MemoryTraces } from './trace-store.ts';
import type { TraceBounds, TraceStore } from './trace-store.ts';

export interface TraceStoreOptions {
  /** The path of a SQLite file; left out for traces that are kept in memory. */
  readonly file: string | undefined;
  readonly inMemory: TraceBounds;
  readonly inFile: TraceBounds;
  readonly logger: Logger;
}

/** Opens the place for traces. A file that cannot be used is replaced by memory, and the log says so. */
export async function openTraceStore({
  file,
  inMemory,
  inFile,
  logger,
}: TraceStoreOptions): Promise<TraceStore> {
  const memory = new MemoryTraces(inMemory);
  if (file === undefined) return memory;
  const onFailure = (error: unknown): void =>
    logger.warn(
      { file, error: describeError(error) },
      'the file of traces cannot be used: they are kept in memory',
    );
  const { openTraceFile } = await import('./sqlite/trace-file.ts');
  return openTraceFile({ file, bounds: inFile, fallback: memory, onFailure });
}
