import type { AcceptedRun, RunChain } from '../store/store.ts';
import type { RunServices } from './run-services.ts';

/**
 * While a new version is rolled out, an answer may come to a process of another version than the one
 * that its chain has run in: its pipeline may take another way. Then the run is given up, and recovered by
 * a process of its version, or by any one where none lives. Returns whether it was; a run that begins a chain stays.
 */
export async function leavesToItsVersion(
  { runId, attempt, thread, chain }: AcceptedRun,
  { app, instanceId, endings }: RunServices,
): Promise<boolean> {
  if (chain?.continues === undefined || !app.store.shared) return false;
  if ((await versionOf(chain, app)) === app.code().version) return false;
  await endings.release({ runId, attempt, threadId: thread.id, instanceId });
  return true;
}

/** The version that a chain has run in; `null` when that cannot be found out now. */
async function versionOf(
  { chainId, kept }: RunChain,
  { store }: RunServices['app'],
): Promise<string | undefined | null> {
  try {
    const newest = (await store.loadChain(chainId))?.entries.at(-1);
    return newest ? newest.version : kept.version;
  } catch {
    // The run is accepted: the process that takes it finds out what is wrong.
    return null;
  }
}
