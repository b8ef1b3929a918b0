import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

/** Runs a program in a process of its own that tells every module it loads. */
function modulesLoadedBy(program: string): string[] {
  const watch = `
    import { registerHooks } from 'node:module';
    globalThis.loaded = [];
    registerHooks({ load(url, context, next) { globalThis.loaded.push(url); return next(url, context); } });`;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      '--conditions=@jims/source',
      '--import',
      `data:text/javascript,${encodeURIComponent(watch)}`,
      '--input-type=module',
      '-e',
      `${program}\nconsole.log(JSON.stringify(globalThis.loaded));`,
    ],
    { encoding: 'utf8', cwd: import.meta.dirname },
  );
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

const RUN = `
  const { defineApp, newEvent } = await import('jims-core');
  const app = defineApp({
    pipeline: (ctx) => ctx.sendMessage('hi'), store: 'sqlite::memory:', llm: { model: 'gpt-4.1' },
  });
  const run = await app.runs.start({
    thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
    incoming: newEvent('comm.user_message', { role: 'user', content: 'x' }),
  });
  const end = await run.end;
  if (end.type !== 'result') throw new Error(end.type);
  await app.close();`;

const OF_MODELS =
  /node_modules\/(?:@ai-sdk|ai|zod|@pydantic|gpt-tokenizer)\/|src\/llm\/(?:call|chat|providers|transport|failures)/;

test('a run without a model loads nothing of any provider', () => {
  const loaded = modulesLoadedBy(RUN);
  assert.ok(loaded.some((url) => url.endsWith('/pipeline/thread-context.ts')));
  assert.deepEqual(
    loaded.filter((url) => OF_MODELS.test(url)),
    [],
  );
});

test('the first call loads the provider of its model, and no other one', () => {
  const loaded = modulesLoadedBy(`
    const { createLlmProvider } = await import('jims-core/llm');
    const env = { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'http://127.0.0.1:1/v1' };
    const llm = createLlmProvider({ tries: 1 }, env);
    await llm.chatCompletionPlain([{ role: 'user', content: 'x' }]).catch(() => {});`);
  assert.ok(loaded.some((url) => url.includes('/node_modules/@ai-sdk/openai/')));
  for (const other of ['openai-compatible', 'anthropic', 'google']) {
    assert.ok(!loaded.some((url) => url.includes(`/node_modules/@ai-sdk/${other}/`)), other);
  }
});
