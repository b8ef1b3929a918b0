import { ACCEPT_FUNCTIONS } from './accept-run.ts';
import { CLEAR_UP_FUNCTIONS } from './clear-up.ts';
import { END_FUNCTIONS } from './end-runs.ts';
import { EXTERNAL_ID_FUNCTIONS } from './external-ids.ts';
import { LOG_FUNCTIONS } from './log.ts';
import { THREAD_FUNCTIONS } from './threads.ts';

/**
 * All functions, as this version has them. They are made anew after the last step of an upgrade, so
 * that their sources may be edited freely; but a database that is up to date is left alone: a change
 * after a release needs a new step, be it an empty one. The old form of a function whose parameters
 * change stays, for the processes of the old version that still run; a step drops one whose result
 * changes.
 */
export const FUNCTIONS: string = [
  LOG_FUNCTIONS,
  THREAD_FUNCTIONS,
  EXTERNAL_ID_FUNCTIONS,
  END_FUNCTIONS,
  ACCEPT_FUNCTIONS,
  CLEAR_UP_FUNCTIONS,
].join('\n');
