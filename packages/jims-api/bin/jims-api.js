#!/usr/bin/env node
// An old Node must get as far as being told that it is too old: no imports by name from newer
// modules here, and nothing of the service before the version is known.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Bounds, in MiB, half of the part of the heap where new objects are made, which else grows further and
 * is not given back. Less would cost CPU time. Only Node's own command line can say so.
 */
const HEAP = '--max-semi-space-size=24';

const [major, minor] = process.versions.node.split('.').map(Number);
const entry = new URL('../dist/cli/main.js', import.meta.url);

if (major < 24 || (major === 24 && minor < 16)) {
  runWithNewerNode();
} else if (existsSync(entry)) {
  if (isNodeAsItComes()) {
    // In place of this process, under its id: it does not come back from here.
    process.execve(
      process.execPath,
      [process.execPath, HEAP, ...process.argv.slice(1)],
      process.env,
    );
  }
  module.enableCompileCache();
  await import(entry.href);
} else {
  fail(`${fileURLToPath(entry)} is missing: npm run build makes it`);
}

/** The npm package `node` brings a Node into a project. */
function runWithNewerNode() {
  const here = fileURLToPath(import.meta.url);
  const node = [path.join(process.cwd(), 'x.js'), here].map(nodePackage).find(Boolean);
  if (!node || process.env.JIMS_API_NODE === node) {
    fail(`Node 24.16 or newer is needed, this is ${process.version}: npm install node@24`);
    return;
  }
  const child = spawn(node, [HEAP, here, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, JIMS_API_NODE: node },
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : code));
}

/** Who gives Node flags knows what they are for. Windows cannot replace a process. */
function isNodeAsItComes() {
  if (process.platform === 'win32' || !process.execve) return false;
  return process.execArgv.length === 0 && !process.env.NODE_OPTIONS?.includes('semi-space');
}

function nodePackage(from) {
  try {
    const manifest = module.createRequire(from).resolve('node/package.json');
    const binary = path.join(path.dirname(manifest), 'bin', 'node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

function fail(message) {
  console.error(`jims-api: ${message}`);
  process.exitCode = 1;
}
