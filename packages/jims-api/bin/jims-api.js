#!/usr/bin/env node
// An old Node, Bun and Deno must get as far as the line that says what is needed: no imports by name
// from newer modules here, and nothing of the service before the version is known.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import module from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Bounds, in MiB, half of the part of the heap where new objects are made, which else grows further and
 * is not given back. Less would cost CPU time. Only Node's own command line can say so.
 */
const HEAP = '--max-semi-space-size=24';
/** What must not happen twice in NODE_OPTIONS: modules that are loaded, a debugger that listens. */
const ONCE = /semi-space|--import|--require|--(?:experimental-)?loader|--inspect|(?:^|\s)-r\s/;

const [major, minor] = process.versions.node.split('.').map(Number);
const entry = new URL('../dist/cli/main.js', import.meta.url);
const needed = 'Node 24.16 or newer is needed, this is';

if (process.versions.bun) {
  fail(`${needed} Bun ${process.versions.bun}: start it by node (bunx without --bun)`);
} else if (process.versions.deno) {
  fail(`${needed} Deno ${process.versions.deno}: start it by node`);
} else if (major < 24 || (major === 24 && minor < 16)) {
  runWithNewerNode();
} else if (existsSync(entry)) {
  // In development the tenth of a second that it takes is worth more than memory.
  if (process.argv[2] !== 'dev' && isNodeAsItComes()) replaceBy(process.execPath, process.env);
  module.enableCompileCache();
  await import(entry.href);
} else {
  fail(`${fileURLToPath(entry)} is missing: npm run build makes it`);
}

/** The npm package `node` brings a Node into a project. */
function runWithNewerNode() {
  const here = fileURLToPath(import.meta.url);
  const found = [path.join(currentFolder(), 'x.js'), here].map(nodePackage).filter(Boolean);
  const node = found.find(existsSync);
  if (!node && found.length > 0) {
    fail(
      `${needed} ${process.version}: the package node is installed, but its install script did not run: npm rebuild node --ignore-scripts=false (with npm 12 before it: npm install-scripts approve node; with pnpm: pnpm approve-builds)`,
    );
  } else if (!node || process.env.JIMS_API_NODE === node) {
    fail(`${needed} ${process.version}: npm install node@24`);
  } else {
    const env = { ...process.env, JIMS_API_NODE: node };
    if (canBeReplaced()) replaceBy(node, env);
    runAsChild(node, { ...env, JIMS_API_PARENT: String(process.pid) });
  }
}

/**
 * Passes on the signals that end it, its exit code, and what it says to a parent: `node --watch` learns in this way
 * which files to watch. It ends by itself when this process is gone.
 */
function runAsChild(node, env) {
  const stdio = ['inherit', 'inherit', 'inherit', ...(process.send ? ['ipc'] : [])];
  const child = spawn(node, [HEAP, ...process.argv.slice(1)], { stdio, env });
  child.on('message', (message) => process.send(message));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => fail(`${node} does not start: ${error.message}`));
  // As a shell says it.
  child.on('exit', (code, signal) =>
    process.exit(signal ? 128 + os.constants.signals[signal] : code),
  );
}

/** In place of this process, under its id: it does not come back from here. */
function replaceBy(node, env) {
  process.execve(node, [node, HEAP, ...process.argv.slice(1)], env);
}

/** Who gives Node flags knows what they are for. */
function isNodeAsItComes() {
  if (process.execArgv.length > 0 || ONCE.test(process.env.NODE_OPTIONS || '')) return false;
  return canBeReplaced();
}

/**
 * Windows cannot replace a process. A process with a channel to its parent would lose it: `node
 * --watch` and process managers speak through it.
 */
function canBeReplaced() {
  const isWatched = process.send || process.env.WATCH_REPORT_DEPENDENCIES;
  return process.platform !== 'win32' && process.execve && !isWatched;
}

/** Where the package `node` of a file's project has its Node, also when it is not there. */
function nodePackage(from) {
  try {
    const manifest = module.createRequire(from).resolve('node/package.json');
    return path.join(path.dirname(manifest), 'bin', 'node');
  } catch {
    return undefined;
  }
}

/** The folder may be gone; the command says so itself. */
function currentFolder() {
  try {
    return process.cwd();
  } catch {
    return path.sep;
  }
}

function fail(message) {
  console.error(`jims-api: ${message}`);
  process.exitCode = 1;
}
