import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import * as v from 'valibot';

import { startFakeOpenAI } from '../../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import type { FakeOpenAI } from '../../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import { folderWith, serveCommand } from '../../support/command.ts';
import { chat, hidePackage, serveApp } from '../../support/served-app.ts';
import { startSink } from '../../support/sink.ts';
import type { Sink } from '../../support/sink.ts';

const APP = `
import { defineApp } from 'jims-core';
export const app = defineApp(async (ctx) => {
  if (ctx.lastUserMessage === 'fail at length') throw new Error('x'.repeat(1_000_000));
  if (ctx.lastUserMessage?.startsWith('fail')) throw new Error('the pipeline broke');
  await ctx.llm.createEmbedding('my-secret-text');
  await ctx.sendMessage(ctx.llm.stream(ctx.history));
});`;

const Value = v.object({
  stringValue: v.optional(v.string()),
  intValue: v.optional(v.union([v.string(), v.number()])),
  arrayValue: v.optional(v.object({ values: v.array(v.unknown()) })),
});
const Span = v.object({
  name: v.string(),
  spanId: v.string(),
  traceId: v.string(),
  parentSpanId: v.optional(v.string(), ''),
  attributes: v.array(v.object({ key: v.string(), value: Value })),
  status: v.object({ code: v.optional(v.number()), message: v.optional(v.string()) }),
  events: v.optional(v.array(v.object({ name: v.string() })), []),
});
type Span = v.InferOutput<typeof Span>;
const Export = v.object({
  resourceSpans: v.array(
    v.object({ scopeSpans: v.array(v.object({ spans: v.array(Span) })), resource: v.unknown() }),
  ),
});

function spansOf(sink: Sink): Span[] {
  return sink.requests
    .filter(({ path }) => path === '/v1/traces')
    .flatMap(({ body }) => v.parse(Export, JSON.parse(body)).resourceSpans)
    .flatMap(({ scopeSpans }) => scopeSpans)
    .flatMap(({ spans }) => spans);
}

function attribute(span: Span | undefined, key: string): string | undefined {
  const value = span?.attributes.find((each) => each.key === key)?.value;
  return value?.stringValue ?? value?.intValue?.toString();
}

describe('traces', () => {
  let fake: FakeOpenAI;
  before(async () => {
    fake = await startFakeOpenAI();
  });
  after(() => fake.close());

  /** Asks each of the messages of a service of its own, and gives all that was traced. */
  async function traced(
    messages: readonly string[],
    args: readonly string[] = [],
  ): Promise<{ spans: Span[]; sent: string }> {
    await using sink = await startSink();
    await using service = await serveApp({
      app: APP,
      args: ['--api-key', 'my-secret-key', ...args],
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.origin,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OPENAI_BASE_URL: fake.baseURL,
        OPENAI_API_KEY: 'my-secret-openai-key',
      },
    });
    for (const message of messages) {
      await fetch(`${service.origin}/api/v1/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: 'Bearer my-secret-key' },
        body: JSON.stringify({ contact_id: 'c', message }),
      });
    }
    assert.equal(await service.stop(), 0, service.output);
    return { spans: spansOf(sink), sent: sink.requests.map(({ body }) => body).join('\n') };
  }

  test('a run is a span, and the calls of its models are its children, without what was said', async () => {
    const { spans, sent } = await traced(['my-secret-question']);
    const run = spans.find(({ name }) => name === 'jims.run_pipeline_with_context');
    const call = spans.find(({ name }) => name === 'chat gpt-4.1-mini');
    const embedding = spans.find(({ name }) => name === 'embeddings text-embedding-3-large');
    assert.equal(run?.status.code, 1);
    const threadId = attribute(run, 'jims.thread.id');
    assert.ok(threadId);
    for (const child of [call, embedding]) {
      assert.equal(child?.parentSpanId, run.spanId);
      assert.equal(child.traceId, run.traceId);
      assert.equal(attribute(child, 'gen_ai.provider.name'), 'openai');
      assert.equal(attribute(child, 'gen_ai.conversation.id'), threadId);
      assert.ok(Number(attribute(child, 'gen_ai.usage.input_tokens')) > 0);
    }
    assert.equal(attribute(call, 'gen_ai.operation.name'), 'chat');
    assert.equal(attribute(call, 'gen_ai.request.model'), 'gpt-4.1-mini');
    assert.equal(attribute(call, 'gen_ai.response.model'), 'gpt-4.1-mini');
    assert.ok(Number(attribute(call, 'gen_ai.usage.output_tokens')) > 0);
    assert.match(sent, /"jims-api"/);
    assert.doesNotMatch(sent, /my-secret/);
  });

  test('prompts and answers are in the spans when that is switched on', async () => {
    const { spans } = await traced(['hello there'], ['--trace-content']);
    const call = spans.find(({ name }) => name === 'chat gpt-4.1-mini');
    assert.deepEqual(JSON.parse(attribute(call, 'gen_ai.input.messages') ?? ''), [
      { role: 'user', parts: [{ type: 'text', content: 'hello there' }] },
    ]);
    assert.deepEqual(JSON.parse(attribute(call, 'gen_ai.output.messages') ?? ''), [
      {
        role: 'assistant',
        parts: [{ type: 'text', content: 'echo: hello there' }],
        finish_reason: 'stop',
      },
    ]);
  });

  test('what fails is an error: a pipeline, and a call with its tries', async () => {
    fake.fail({ status: 500, path: 'chat' }, { status: 401, path: 'chat' });
    const { spans } = await traced(['hello', 'fail', 'fail at length']);
    const [called, thrown, long] = spans.filter(
      ({ name }) => name === 'jims.run_pipeline_with_context',
    );
    const call = spans.find(({ name }) => name === 'chat gpt-4.1-mini');
    assert.equal(call?.status.code, 2);
    assert.equal(attribute(call, 'error.type'), '401');
    assert.deepEqual(
      call.events.map(({ name }) => name),
      ['jims.retry'],
    );
    assert.match(
      called?.status.message ?? '',
      /Pipeline execution failed: gpt-4.1-mini: answered 401/,
    );
    assert.equal(attribute(called, 'error.type'), 'llm_failed');
    assert.equal(attribute(thrown, 'error.type'), 'Error');
    assert.equal(thrown?.status.message, 'Pipeline execution failed: the pipeline broke');
    assert.match(long?.status.message ?? '', /: x{4000}… \(996000 more characters\)$/);
  });

  test('a run is a part of its caller’s trace, names its run and request, and may be cancelled without an error', async () => {
    await using sink = await startSink();
    await using service = await serveApp({
      app: `import { defineApp } from 'jims-core';
export const app = defineApp(async (ctx) => {
  if (ctx.lastUserMessage === 'hello') return ctx.sendMessage('hello');
  ctx.updateAgentStatus('waiting');
  await new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
});`,
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: sink.origin,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      },
    });
    const post = (path: string, message: string, headers = {}): Promise<Response> =>
      fetch(service.origin + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ contact_id: 'c', message }),
      });
    const answer = await post('/api/v1/chat', 'hello', {
      'x-request-id': 'request-7',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    });
    assert.equal(answer.status, 200);
    const stream = await post('/api/v1/chat/stream', 'wait');
    const runId = stream.headers.get('x-jims-run-id');
    await fetch(`${service.origin}/api/v1/runs/${runId}/cancel`, { method: 'POST' });
    await stream.text();
    await service.stop();
    const [run, cancelled] = spansOf(sink).filter(
      ({ name }) => name === 'jims.run_pipeline_with_context',
    );
    assert.equal(run?.traceId, '0af7651916cd43dd8448eb211c80319c');
    assert.equal(run.parentSpanId, 'b7ad6b7169203331');
    assert.equal(attribute(run, 'jims.run.id'), answer.headers.get('x-jims-run-id'));
    assert.equal(attribute(run, 'jims.request.id'), 'request-7');
    assert.match(service.output, /"traceId":"0af7651916cd43dd8448eb211c80319c".*"run completed"/);
    assert.equal(attribute(cancelled, 'jims.run.id'), runId);
    assert.equal(cancelled?.status.code ?? 0, 0);
    assert.equal(attribute(cancelled, 'jims.run.status'), 'cancelled');
    assert.match(service.output, /"reason":"cancelled".*"run cancelled"/);
  });

  test('without its package the command says in one line how to install it', async () => {
    const { message } = await serveApp({
      app: APP,
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
        NODE_OPTIONS: hidePackage('@opentelemetry/sdk-node'),
      },
    }).then(
      () => assert.fail('it started'),
      (error: Error) => error,
    );
    assert.match(message, /needs the package .* npm install @opentelemetry\/sdk-node@0\.301$/);
  });

  test('variables that name no exporter, and nothing of Sentry, are warnings', async () => {
    const env = { OTEL_TRACES_EXPORTER: 'otpl', SENTRY_DSN: 'https://sentry.example/1' };
    await using service = await serveApp({ app: APP, args: ['--enable-sentry'], env });
    assert.equal(await service.stop(), 0);
    assert.match(service.output, /"reason":"[^"]*otpl[^"]*".*traces cannot be sent/);
    assert.match(service.output, /nothing is sent to Sentry: set SENTRY_DSN/);
    assert.doesNotMatch(service.output, /sentry\.example/);
  });

  test('a collector that is away costs a warning, not the exit code', async () => {
    await using service = await serveApp({
      app: APP,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9', OTEL_EXPORTER_OTLP_TIMEOUT: '500' },
    });
    await chat(service.origin, 'fail');
    assert.equal(await service.stop(), 0, service.output);
    assert.match(service.output, /"level":40,.*ECONNREFUSED.*"the last traces could not be sent"/);
    assert.doesNotMatch(service.output, /^[^{]/m, 'every line is JSON');
  });

  test('a collector that refuses is a warning now and then', async () => {
    await using refusing = await startSink(400);
    using folder = folderWith({ 'app.mjs': 'export const app = (ctx) => {};' });
    await using service = await serveCommand(['--app', './app.mjs'], {
      cwd: folder.path,
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: refusing.origin,
        OTEL_BSP_SCHEDULE_DELAY: '20',
        OTEL_LOG_LEVEL: 'debug',
      },
    });
    const warnings = (): readonly string[] =>
      service.log.filter((line) => line.includes('"traces cannot be sent"'));
    while (warnings().length === 0) await chat(service.url, 'hello');
    for (let i = 0; i < 5; i++) await chat(service.url, 'hello');
    assert.equal(warnings().length, 1);
    assert.match(warnings()[0] ?? '', /"level":40,.*"reason":"[^"]+"/);
    assert.ok(service.log.every((line) => line.startsWith('{')));
  });

  test('a collector that hangs does not hold up the end of the process', async () => {
    await using hanging = await startSink('never');
    await using service = await serveApp({
      app: APP,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: hanging.origin },
    });
    await chat(service.origin, 'fail');
    assert.equal(await service.stop(), 0, service.output);
    assert.match(service.output, /the last traces could not be sent/);
    assert.match(service.output, /the collector took longer than 3000 ms/);
  });

  test('no header of a trace goes to the provider, and no package is loaded unless tracing is on', async () => {
    fake.reset();
    await using service = await serveApp({
      app: `${APP}
import { registerHooks } from 'node:module';
registerHooks({
  load(url, context, next) {
    if (/node_modules.(?:@opentelemetry.(?!api.)|@sentry)/.test(url)) console.log('LOADED ' + url);
    return next(url, context);
  },
});`,
      env: { OPENAI_BASE_URL: fake.baseURL, OPENAI_API_KEY: 'k' },
    });
    const { status } = await chat(service.origin, 'hello');
    assert.equal(status, 200);
    await service.stop();
    assert.doesNotMatch(service.output, /LOADED/);
    const headers = Object.keys(fake.requests[0]?.headers ?? {});
    assert.deepEqual(
      headers.filter((name) => /trace|baggage/.test(name)),
      [],
    );
  });
});
