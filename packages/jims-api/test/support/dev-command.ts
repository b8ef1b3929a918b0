import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { COMMAND, folderWith } from './command.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));
const PATIENCE_MS = 20_000;

/** `jims-api dev`, at work in a folder of its own. */
export interface Developing extends AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly pid: number | undefined;
  /** All that it has printed so far. */
  readonly output: string;
  /** Saves a file as most editors do: in place. */
  save(name: string, content: string): void;
  /** Says something as a contact; by default as one that is new. */
  say(message: string, more?: object): Promise<{ status: number; body: Answer }>;
  /** Resolves when the text has been printed so many times. */
  printed(text: string, times?: number): Promise<void>;
  /** Resolves with what `/api/v1/dev` says next that is of this kind, or says now. */
  code(type: 'loaded' | 'broken', matches?: (data: CodeData) => boolean): Promise<CodeData>;
}

type CodeData = Readonly<Record<string, unknown>>;
export interface Answer {
  readonly thread_id?: string;
  readonly assistant_messages?: readonly string[];
  readonly detail?: unknown;
  readonly code?: string;
}

export interface DevelopOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Called with the folder while the app loads. */
  readonly whileLoading?: (folder: string) => Promise<void>;
}

/** Starts the command in a folder with these files, on a free port, and resolves when it has printed its link. */
export async function develop(
  files: Readonly<Record<string, string>>,
  { args = [], env = {}, whileLoading }: DevelopOptions = {},
): Promise<Developing> {
  const folder = folderWith({ 'package.json': '{"type":"module"}', ...files });
  symlinkSync(MODULES, join(folder.path, 'node_modules'));
  const inherited = Object.entries(process.env).filter(
    ([name]) => name === 'NODE_COMPILE_CACHE' || !/^(?:JIMS_|NODE_|FORCE_COLOR|OTEL)/.test(name),
  );
  const child = spawn(process.execPath, [...COMMAND, 'dev', '--port', '0', ...args], {
    cwd: folder.path,
    env: { ...Object.fromEntries(inherited), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => void (output += text));
  }
  async function until<T>(what: string, find: () => T | undefined): Promise<T> {
    const end = Date.now() + PATIENCE_MS;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (child.exitCode !== null || Date.now() > end) assert.fail(`no ${what}:\n${output}`);
      await setTimeout(10);
    }
  }
  async function stop(): Promise<void> {
    child.kill('SIGKILL');
    await closed;
    folder[Symbol.dispose]();
  }
  let url: string;
  try {
    await whileLoading?.(folder.path);
    url = await until('link', () => /Open (http:\S+)\/ /.exec(output)?.[1]);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    folder: folder.path,
    url,
    pid: child.pid,
    get output() {
      return output;
    },
    save(name, content) {
      const path = join(folder.path, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    },
    async say(message, more = {}) {
      const response = await fetch(`${url}/api/v1/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ contact_id: crypto.randomUUID(), message, ...more }),
      });
      const body: Answer = JSON.parse(await response.text());
      return { status: response.status, body };
    },
    printed: (text, times = 1) =>
      until(text, () => (output.split(text).length > times ? true : undefined)).then(() => {}),
    code: (type, matches) => nextState(`${url}/api/v1/dev`, type, matches),
    [Symbol.asyncDispose]: stop,
  };
}

async function nextState(
  url: string,
  type: string,
  matches: (data: CodeData) => boolean = () => true,
): Promise<CodeData> {
  const response = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
  assert.ok(response.body);
  let text = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    text += piece;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const [, event, json = ''] = /^event: (.*)\ndata: (.*)$/m.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 2);
      if (event !== type) continue;
      const data: CodeData = JSON.parse(json);
      if (matches(data)) return data;
    }
  }
  return assert.fail(`the stream ended without ${type}`);
}
