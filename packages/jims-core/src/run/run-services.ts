import type { JimsError } from '../errors/jims-error.ts';
import type { StoredFiles } from '../files/stored-files.ts';
import type { LlmProvider } from '../llm/llm.ts';
import type { Pipeline } from '../pipeline/pipeline.ts';
import type { Store } from '../store/store.ts';
import type { EventCache } from './event-cache.ts';
import type { ProgressWriter } from './progress.ts';
import type { RunEndings } from './run-endings.ts';
import type { RunLimits } from './run-limits.ts';
import type { ReportTarget } from './run-report.ts';
import type { RunRequest } from './run.ts';
import type { Turns } from './turns.ts';

/** What of an app may be replaced while it is open. */
export interface AppCode {
  readonly pipeline: Pipeline;
  readonly conversationStartPipeline: Pipeline | undefined;
  readonly version: string | undefined;
  readonly models: () => LlmProvider;
  /** Why no run can start: the code was never loaded. */
  readonly missing: JimsError | undefined;
}

/** An app as its runs see it. */
export interface RunnableApp extends ReportTarget {
  readonly store: Store;
  readonly files: StoredFiles;
  /** Gives the code of now. A run takes it when its turn comes, and ends with it. */
  readonly code: () => AppCode;
  readonly limits: RunLimits;
  /** Whether its runs go on in another process when their own one dies. */
  readonly isDurable: boolean;
  /** Whether the model calls of durable runs are kept in their journals. */
  readonly keepsModels: boolean;
  /** Whether this process goes on with runs of others, and with questions; false for a copy of a database. */
  readonly recovers: boolean;
  /** Whether spans hold prompts and answers; default: as the app's settings say. */
  readonly traceContent: boolean | undefined;
}

/** What the runs of a process share. */
export interface RunServices {
  readonly app: RunnableApp;
  readonly instanceId: string;
  readonly turns: Turns;
  readonly events: EventCache;
  readonly endings: RunEndings;
  /** Only on stores that several processes share. */
  readonly progress: ProgressWriter | undefined;
}

/** Whether a run can go on when its process dies: one with a pipeline of its own is in no other process. */
export function isDurable(app: RunnableApp, request: RunRequest): boolean {
  return app.isDurable && request.pipeline === undefined;
}

/** What a run executes: an app without a conversation start says nothing when it greets. */
export function pipelineOf(
  { pipeline, conversationStartPipeline = () => {} }: AppCode,
  { greets }: Pick<RunRequest, 'greets'>,
): Pipeline {
  return greets ? conversationStartPipeline : pipeline;
}
