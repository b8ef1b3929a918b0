import { spawn } from 'node:child_process';
import os from 'node:os';

import type { Environment } from '../options/option-table.ts';

/** Names the port to the process that takes over. */
const PORT = 'JIMS_API_DEV_PORT';
/** Says that the process is the child of one that starts it anew. */
const CHILD = 'JIMS_API_DEV_CHILD';
/** With it such a child asks to be started anew. */
const ANEW = 86;

/** Takes from the environment what the process before this one has left; programs of the app must not get it. */
export function takeFromBefore(): { readonly port: number | undefined } {
  const port = process.env[PORT];
  delete process.env[PORT];
  return { port: port === undefined ? undefined : Number(port) };
}

/**
 * Starts the command anew in place of this process, with the environment that it was started with. It does not come
 * back.
 */
export function startAnew(port: number | undefined, env: Environment): void {
  const { execPath, execArgv, argv } = process;
  const args = [...execArgv, ...argv.slice(1)];
  const environment: NodeJS.ProcessEnv = {
    ...env,
    ...(port !== undefined && { [PORT]: String(port) }),
  };
  if (env[CHILD] !== undefined) process.exit(ANEW);
  // Windows cannot replace a process; one with a channel to its parent would lose it.
  if (process.platform === 'win32' || process.send || !process.execve) {
    runAsChild(execPath, args, { ...environment, [CHILD]: '1' });
  } else {
    process.execve(execPath, [execPath, ...args], environment);
  }
}

function runAsChild(node: string, args: readonly string[], env: NodeJS.ProcessEnv): void {
  const child = spawn(node, args, { stdio: 'inherit', env });
  const passOn = (signal: NodeJS.Signals): void => void child.kill(signal);
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.removeAllListeners(signal).on(signal, passOn);
  child.on('exit', (code, signal) => {
    if (code === ANEW) return runAsChild(node, args, env);
    // As a shell says it.
    return process.exit(signal ? 128 + os.constants.signals[signal] : (code ?? 1));
  });
}
