// npm start: the echo example, served from source. Arguments go to jims-api: `npm start -- --port 9000`.
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';

import { httpReady } from './http-ready.ts';

const args = process.argv.slice(2);
const { values } = parseArgs({ args, strict: false, options: { port: { type: 'string' } } });
const port = values.port ?? process.env['PORT'] ?? process.env['JIMS_PORT'] ?? '8080';
const origin = `http://127.0.0.1:${String(port)}`;

const command = ['--conditions=@jims/source', 'packages/jims-api/src/cli/main.ts'];
const defaults = ['--app', 'examples/echo/app.ts:app', '--port', String(port)];
const server = spawn(process.execPath, [...command, ...defaults, ...args], { stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => server.kill(signal));
server.on('exit', (code) => process.exit(code ?? 1));

await httpReady(origin, 30_000);
console.log(`
Try it:
  curl -s ${origin}/api/v1/chat -H 'content-type: application/json' \\
    -d '{"contact_id": "me", "message": "hello"}'
`);
