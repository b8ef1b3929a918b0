import type { RunnableApp } from './run-services.ts';

/** Says what was left by processes before, before anything of it is done. */
export async function logWhatStands({
  store,
  recovers,
  logger,
}: Pick<RunnableApp, 'store' | 'recovers' | 'logger'>): Promise<void> {
  const { runs, questions } = await store.standing();
  if (runs === 0 && questions === 0) return;
  const message = recovers
    ? 'durable runs and open questions are in the database: this process goes on with those of dead processes'
    : 'durable runs and open questions are in the database: they are left alone, as recovery is off';
  logger.info({ runs, questions }, message);
}
