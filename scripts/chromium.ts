// Where the browser for the tests of pages is, installed when that can be done without asking.
import { execFile } from 'node:child_process';
import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The shell has no windows to draw, and takes half of the time of a core for the same pages. */
const NAMES = [
  'chromium-headless-shell',
  'chrome-headless-shell',
  'chromium',
  'chromium-browser',
  'google-chrome',
];
const LOCK = '/tmp/jims-chromium.lock';
/** Two tests that need it at the same time: the second one finds it there. */
const INSTALL = `
command -v chromium-headless-shell >/dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && apt-get install -qy --no-install-recommends chromium-headless-shell fonts-dejavu-core
`;

/**
 * The path of Chromium: that of CHROMIUM_PATH, or one on PATH. On Debian root gets it by apt-get.
 *
 * @throws Error that says how to install it, where that is not to be done here.
 */
export async function chromiumPath(): Promise<string> {
  const named = process.env['CHROMIUM_PATH'];
  if (named) return named;
  const there = await findOnPath();
  if (there !== undefined) return there;
  const cause = await install();
  const installed = await findOnPath();
  if (installed !== undefined) return installed;
  throw new Error(
    'No Chromium to test pages with: install it (Debian: apt-get install chromium-headless-shell), or set CHROMIUM_PATH',
    { cause },
  );
}

/** Resolves with what went wrong; nothing where it is not ours to install. */
async function install(): Promise<unknown> {
  if (process.getuid?.() !== 0 || !(await isExecutable('/usr/bin/apt-get'))) return undefined;
  console.error('Chromium is missing: installing it (apt-get install chromium-headless-shell)');
  try {
    await run('flock', [LOCK, 'sh', '-c', INSTALL], { maxBuffer: 64 * 1024 * 1024 });
    return undefined;
  } catch (error) {
    return error;
  }
}

async function findOnPath(): Promise<string | undefined> {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  for (const name of NAMES) {
    for (const folder of folders) {
      const path = join(folder, name);
      if (await isExecutable(path)) return path;
    }
  }
  return undefined;
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
