// Each template, as a user has it: made by the command, then type-checked, tested, started and talked to.
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { PROGRAM_FLAGS, folderWith, serveCommand } from '../../jims-api/test/support/command.ts';
import type { Folder, Running } from '../../jims-api/test/support/command.ts';
import { startFakeOpenAI } from '../../jims-core/test/support/fake-openai/fake-openai.mjs';
import { ROOT, createJims, newProject, runNode } from './support/new-project.ts';

const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
/** The packages are sources here, which are written for a stricter compiler than the declarations that users get. */
const SOURCES = ['--customConditions', '@jims/source', '--exactOptionalPropertyTypes'];
/** No key of the person who runs the tests, and no real provider. */
const WITHOUT_A_KEY = { OPENAI_API_KEY: '', MODEL: '', EMBEDDINGS_MODEL: '' };
const TEMPLATES = ['echo', 'llm', 'rag', 'refund', 'react'];

describe('the templates', { concurrency: 2 }, () => {
  test('their types are right, as the settings of a project want them', async () => {
    using folder = folderWith({
      // All of them at once: the packages are checked only once, too.
      'tsconfig.json': '{ "extends": "./my-echo/tsconfig.json", "exclude": ["*/page", "*/dist"] }',
    });
    const { path: cwd } = folder;
    for (const template of TEMPLATES) {
      const args = [`my-${template}`, '--no-install', '--template', template];
      const { code, stderr } = await createJims(args, { cwd });
      assert.equal(code, 0, stderr);
    }
    symlinkSync(join(ROOT, 'node_modules'), join(cwd, 'node_modules'));
    const types = await runNode([TSC, ...SOURCES, '--listFiles'], { cwd });
    assert.equal(types.code, 0, types.stdout);
    for (const template of TEMPLATES) {
      assert.ok(types.stdout.includes(`/my-${template}/app.test.ts`));
    }
  });

  test('react passes its own test', async () => {
    using project = await newProject('react');
    await passesItsTest(project);
  });

  test('echo answers with what it was sent', async () => {
    using project = await newProject('echo');
    await passesItsTest(project);
    await using service = await start(project.path);
    assert.deepEqual(await say(service, 'Hello'), ['You said: Hello']);
  });

  for (const template of ['llm', 'rag']) {
    test(`${template} says without a key what to put where, and answers with one`, async () => {
      using project = await newProject(template);
      await passesItsTest(project);
      {
        await using service = await start(project.path, WITHOUT_A_KEY);
        const [answer = ''] = await say(service, 'Hello');
        assert.match(answer, /OPENAI_API_KEY.*\.env.*\.env\.example/);
      }
      await using fake = await startFakeOpenAI();
      const key = { ...WITHOUT_A_KEY, OPENAI_BASE_URL: fake.baseURL, OPENAI_API_KEY: 'k' };
      await using service = await start(project.path, key);
      assert.deepEqual(await say(service, 'Hello'), ['echo: Hello']);
    });
  }

  test('refund goes on with the answer of a colleague in another process', async () => {
    using project = await newProject('refund');
    await passesItsTest(project);
    {
      await using service = await start(project.path);
      await say(service, 'Refund order 1042');
      const [waiting] = await say(service, 'yes');
      assert.match(waiting ?? '', /A colleague looks at it/);
    }
    await using service = await start(project.path);
    const { questions } = await call(service, '/api/v1/questions?audience=service&state=open');
    assert.equal(questions[0].name, 'approve refund');
    const path = `/api/v1/questions/${questions[0].question_id}/answer`;
    const { run_id: runId } = await call(service, path, { value: { approved: true } });
    // Answers when the run has ended.
    await call(service, `/api/v1/runs/${runId}?wait=30`);
    const { threads } = await call(service, '/api/v1/threads?contact_id=c');
    const { events } = await call(service, `/api/v1/threads/${threads[0].thread_id}/events`);
    assert.match(JSON.stringify(events), /€249 are on their way back to you: refund R-1042/);
  });
});

async function passesItsTest({ path: cwd }: Folder): Promise<void> {
  // As `node --test` does for each file.
  const own = await runNode([...PROGRAM_FLAGS, 'app.test.ts'], { cwd });
  assert.equal(own.code, 0, own.stdout);
  assert.match(own.stdout, /pass [1-9]/);
}

async function start(cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Running> {
  return serveCommand(['--app', 'app.ts'], { cwd, env });
}

async function say(service: Running, message: string): Promise<readonly string[]> {
  const answer = await call(service, '/api/v1/chat', { contact_id: 'c', message });
  return answer.assistant_messages;
}

// What the API answers is checked by the tests of the API.
async function call(
  { url }: Running,
  path: string,
  body?: object,
): Promise<ReturnType<typeof JSON.parse>> {
  const response = await fetch(url + path, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: { 'content-type': 'application/json' },
  });
  const text = await response.text();
  assert.ok(response.ok, `${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}
