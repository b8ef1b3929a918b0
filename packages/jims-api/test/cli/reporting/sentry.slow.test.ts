import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startFakeOpenAI } from '../../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import type { FakeOpenAI } from '../../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import { chat, serveApp } from '../../support/served-app.ts';
import { startSink } from '../../support/sink.ts';
import type { Sink } from '../../support/sink.ts';

const APP = `
import { defineApp } from 'jims-core';
export const app = defineApp(async (ctx) => {
  const said = ctx.lastUserMessage ?? '';
  if (said === 'long') throw new TypeError('x'.repeat(1_000_000));
  if (said === 'revoked') {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    void Promise.reject(proxy);
    throw proxy;
  }
  if (said.startsWith('object')) throw { prompt: said };
  if (said.startsWith('throw')) throw new TypeError('the pipeline broke');
  if (said.startsWith('leave')) {
    void Promise.reject(new RangeError('left behind'));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await ctx.sendMessage(ctx.llm.stream(ctx.history));
});`;

describe('--enable-sentry', () => {
  let fake: FakeOpenAI;
  before(async () => {
    fake = await startFakeOpenAI();
  });
  after(() => fake.close());

  function reportingTo({ origin }: Sink): Readonly<Record<string, string>> {
    return {
      SENTRY_DSN: origin.replace('http://', 'http://public@') + '/1',
      OPENAI_BASE_URL: fake.baseURL,
      OPENAI_API_KEY: 'my-secret-openai-key',
    };
  }

  /** Asks each of the messages, and gives all that was sent to Sentry. */
  async function sentFor(
    messages: readonly string[],
    more: { args?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
  ): Promise<string> {
    await using sink = await startSink();
    await using service = await serveApp({
      app: APP,
      args: ['--enable-sentry', ...(more.args ?? [])],
      env: { ...reportingTo(sink), ...more.env },
    });
    for (const message of messages) await chat(service.origin, message);
    assert.equal(await service.stop(), 0, service.output);
    return sink.requests.map(({ body }) => body).join('\n');
  }

  test('each error of a pipeline is sent once, and a trace for each run: nothing of what was said', async () => {
    fake.reset();
    await using sink = await startSink();
    await using service = await serveApp({
      app: APP,
      args: ['--enable-sentry'],
      env: reportingTo(sink),
    });
    for (const message of [
      'throw my-secret-question',
      'leave my-secret-question',
      'object my-secret-question',
      'long',
      'revoked',
      // The process lives.
      'hello my-secret-question',
    ]) {
      await chat(service.origin, message);
    }
    // Neither a scrape nor a request is a trace, and so no address that names a person is sent.
    await fetch(service.metricsUrl);
    await fetch(`${service.origin}/api/v1/contacts/ann@example.com/export`);
    assert.equal(await service.stop(), 0, service.output);
    const bodies = sink.requests.map(({ body }) => body);
    const sent = bodies.join('\n');

    assert.match(sent, /"type":"TypeError","value":"the pipeline broke"/);
    assert.match(sent, /"type":"RangeError","value":"left behind"/);
    assert.equal(sent.match(/"value":"the pipeline broke"/g)?.length, 1);
    assert.equal(sent.match(/"value":"left behind"/g)?.length, 1);
    assert.match(sent, /"type":"TypeError","value":"x{4000}… \(996000 more characters\)"/);
    assert.match(sent, /"type":"Error","value":"An error that cannot be read"/);
    assert.match(sent, /"type":"Error","value":"\[object Object\]"/);
    assert.match(sent, /"thread_id":"[0-9a-f-]{36}"/);
    assert.match(sent, /^\{"type":"(?:span|transaction)"/m);
    assert.match(sent, /jims\.run_pipeline_with_context/);
    assert.match(sent, /chat gpt-4\.1-mini/);
    assert.match(sent, /gen_ai\.usage\.input_tokens/);
    assert.doesNotMatch(sent, /x{5000}|my-secret|ann@example/);
    const traces = bodies.filter((body) => /^\{"type":"(?:span|transaction)"/m.test(body));
    assert.doesNotMatch(traces.join('\n'), /\/metrics|\/api\/v1|http\.server/);
    const headers = Object.keys(fake.requests[0]?.headers ?? {});
    assert.deepEqual(
      headers.filter((name) => /trace|baggage/.test(name)),
      [],
    );
  });

  test('what was said is in the traces when that is switched on', async () => {
    const sent = await sentFor(['hello there'], { args: ['--trace-content'] });
    assert.match(sent, /gen_ai\.input\.messages/);
    assert.match(sent, /hello there/);
  });

  test('beside OTEL_* the traces go there, and Sentry gets the errors', async () => {
    await using traces = await startSink();
    const sent = await sentFor(['throw', 'hello'], {
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: traces.origin, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' },
    });
    assert.match(sent, /the pipeline broke/);
    assert.doesNotMatch(sent, /^\{"type":"(?:span|transaction)"/m);
    const collected = traces.requests.map(({ body }) => body).join('');
    assert.match(collected, /jims\.run_pipeline_with_context/);
    const [, traceId = '?'] =
      /"contexts":.*?"trace":\{[^}]*"trace_id":"([0-9a-f]{32})"/.exec(sent) ?? [];
    assert.ok(collected.includes(traceId), 'the error names the trace of its run');
  });
});
