import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Rule } from '../check/checks.ts';
import type { Lab } from './lab.ts';

export interface TestRun {
  readonly files: readonly string[];
  /** What is broken when a test fails. */
  readonly rule: Rule;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Ends at the first test that fails: others may wait for what a mutant never does. */
  readonly untilFailure?: boolean;
}

const TOTAL = /^ℹ pass (\d+)$/m;
const FAILED = /^ *✖ (.*) \(/m;
/** The last lines of what the tests said: there are the failures. */
const SHOWN = 60;

/** Runs tests of `npm test` in the sources of a scenario. Resolves with the diagnostics that they printed. */
export async function runTests(
  lab: Lab,
  { files, rule, env = {}, timeoutMs, untilFailure = false }: TestRun,
): Promise<string> {
  const { checks, source, folder } = lab;
  const { url } = await lab.postgres();
  const args = [`--test-timeout=${timeoutMs}`, ...files];
  const child = spawn(process.execPath, [join(source, 'scripts/test.ts'), ...args], {
    cwd: source,
    env: { ...process.env, TEST_POSTGRES_URL: url, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, with the processes of all test files.
    detached: true,
  });
  const end = (): void => killGroup(child.pid);
  process.on('exit', end);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      if (untilFailure && FAILED.test(said)) end();
      appendFileSync(join(folder, 'tests.log'), chunk);
    });
  }
  const [code] = await once(child, 'close');
  process.off('exit', end);
  const passed = Number(TOTAL.exec(said)?.[1] ?? 0);
  const failed = FAILED.exec(said)?.[1] ?? '';
  // Not a test, but its file.
  if (untilFailure && failed.endsWith('.ts')) throw new Error(`${failed} does not start:\n${said}`);
  for (let n = 0; n < passed; n++) checks.that(rule, true, () => '');
  checks.that(rule, code === 0 && passed > 0, () => {
    return `tests failed: ${failed}\n${said.trimEnd().split('\n').slice(-SHOWN).join('\n')}`;
  });
  return said;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}
