import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { folderWith, serveCommand } from './command.ts';

const MODULES = fileURLToPath(new URL('../../../../node_modules', import.meta.url));

export interface ServedApp extends AsyncDisposable {
  readonly origin: string;
  readonly metricsUrl: string;
  /** Stops it as a supervisor does, and resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Everything that it has printed; after it was stopped. */
  readonly output: string;
}

export interface ServedAppOptions {
  /** The source of the app's module. */
  readonly app: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Serves an app by the command, with its threads in memory, where the app finds the packages. */
export async function serveApp({ app, args = [], env = {} }: ServedAppOptions): Promise<ServedApp> {
  const folder = folderWith({ 'app.ts': app });
  symlinkSync(MODULES, join(folder.path, 'node_modules'));
  const given = ['--app', './app.ts:app', '--db', 'sqlite::memory:', ...args];
  let output = '';
  try {
    const running = await serveCommand(given, { cwd: folder.path, env: { ...emptied(), ...env } });
    return {
      origin: running.url,
      metricsUrl: running.metricsUrl,
      get output() {
        return output;
      },
      async stop() {
        running.kill('SIGTERM');
        const { code, stdout, stderr } = await running.ended;
        output = stdout + stderr;
        return code;
      },
      async [Symbol.asyncDispose]() {
        await running[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}

/** Keys and addresses of the person who runs the tests must not lead to real providers. */
function emptied(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) =>
    /^(?:OTEL|SENTRY|MODEL|EMBEDDINGS)|_API_/.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, '']));
}

/** Asks a service, and gives its answer as it is. */
export async function chat(
  origin: string,
  message: string,
  more: object = {},
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const response = await fetch(`${origin}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ contact_id: 'c', message, ...more }),
  });
  const body: Record<string, unknown> = JSON.parse(await response.text());
  return { status: response.status, body };
}

/** For NODE_OPTIONS: looks for a package where there is none, as in an installation without it. */
export function hidePackage(name: string): string {
  const hook = `import { registerHooks } from 'node:module';
registerHooks({ resolve(specifier, context, next) {
  const parentURL = specifier === '${name}' ? 'file:///nowhere/x.mjs' : context.parentURL;
  return next(specifier, { ...context, parentURL });
} });`;
  return `--import=data:text/javascript,${encodeURIComponent(hook)}`;
}
