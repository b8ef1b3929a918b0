import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 20;

/** Resolves when a server answers its health check; rejects when it has not by `timeoutMs`. */
export async function httpReady(origin: string, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await isHealthy(origin))) {
    if (performance.now() > deadline) throw new Error(`${origin}/healthz did not answer in time`);
    await sleep(POLL_MS);
  }
}

async function isHealthy(origin: string): Promise<boolean> {
  try {
    const response = await fetch(`${origin}/healthz`, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
