import type { Logger } from 'pino';

import type { ServeOptions } from '../server/serve-options.ts';
import type { CommandOptions } from './options/command-options.ts';
import { startReporting } from './reporting/reporting.ts';

/** What `serve` gets from the command: its options, the log, and where errors are reported. */
export async function servingOptions(
  options: Omit<CommandOptions, 'app'>,
  logger: Logger,
): Promise<ServeOptions & { readonly beforeExit: () => Promise<void> }> {
  const { report, reportRun, flush } = await startReporting({
    ...options,
    env: process.env,
    logger,
  });
  return { ...options, logger, onRunFailed: reportRun, onError: report, beforeExit: flush };
}
