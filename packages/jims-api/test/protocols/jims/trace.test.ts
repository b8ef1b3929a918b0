// What services can see of a run afterwards: over real HTTP, with the support example and a fake of OpenAI.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';

import type { ThreadContext } from 'jims-core';
import { createLlmProvider } from 'jims-core/llm';
import type { LlmProvider } from 'jims-core/llm';
import * as v from 'valibot';

import { app as support } from '../../../../../examples/support/app.ts';
import { startFakeOpenAI } from '../../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import type {
  FakeOpenAI,
  Reply,
} from '../../../../jims-core/test/support/fake-openai/fake-openai.mjs';
import { describeStores } from '../../../../jims-core/test/support/stores.ts';
import { TraceResource } from '../../../src/protocols/jims/trace-schema.ts';
import type { TraceEntry } from '../../../src/protocols/jims/trace-schema.ts';
import { jsonOf } from '../../support/api.ts';
import { byContactHeader } from '../../support/as-contact.ts';
import { serveApp } from '../../support/listening-app.ts';

const { pipeline: answered } = support;

const CONTACT = 'customer:42';
const Visits = v.object({ count: v.number() });

/** The support example, of a shop that counts visits, and where one thing does not work. */
async function counted(ctx: ThreadContext): Promise<void> {
  const { count } = ctx.getState('visits', Visits) ?? { count: 0 };
  ctx.setState('visits', { count: count + 1 });
  if (ctx.lastUserMessage === 'break') openDrawer();
  await (typeof answered === 'function' ? answered(ctx) : answered.run(ctx));
}

function openDrawer(): never {
  throw new TypeError('The drawer is stuck', { cause: new Error('No key') });
}

describeStores((kind) => {
  describe('GET /api/v1/runs/{run_id}/trace', () => {
    let fake: FakeOpenAI;
    before(async () => {
      fake = await startFakeOpenAI();
    });
    beforeEach(() => fake.reset());
    after(() => fake.close());

    const models = (): LlmProvider =>
      createLlmProvider(
        { model: 'openai/gpt-4.1-mini', retryBaseMs: 1 },
        { OPENAI_BASE_URL: fake.baseURL, OPENAI_API_KEY: 'k' },
      );
    const wants = (name: string, input: object): Reply => ({
      toolCalls: [{ name, arguments: input }],
    });

    /** The support example where runs are traced, unless `traces` says no. */
    async function serveSupport(traces: boolean | string = true): Promise<Shop> {
      const database = await kind.fresh();
      const shop = await serveApp(
        { pipeline: counted, durable: true, llm: models() },
        { ...byContactHeader, traces, store: database.url },
      );
      return {
        origin: shop.origin,
        shop,
        async [Symbol.asyncDispose]() {
          await shop[Symbol.asyncDispose]();
          await database[Symbol.asyncDispose]();
        },
      };
    }

    test('model calls with prompt, tokens and cost, tools, states before and after', async () => {
      await using service = await serveSupport();
      fake.reply(
        { json: { kind: 'order', title: 'Where order 1042 is' } },
        wants('find_order', { number: '1042' }),
        { content: 'It is with you on Thursday.' },
      );
      const { runId } = await say(service, 'Where is my order 1042?');
      const trace = await traceOf(service, runId);
      assert.equal(trace.kept, true);
      assert.equal(trace.status, 'completed');
      assert.equal(trace.left_out, 0);
      assert.deepEqual(trace.attempts, [1]);
      assert.deepEqual(trace.state, { before: {}, after: { visits: { count: 1 } } });
      assert.equal(trace.error, null);
      assert.equal(trace.usage?.[0]?.requests, 3);

      const calls = entriesOf(trace, 'model');
      assert.deepEqual(
        calls.map(({ operation, provider, model, tries, replayed, error }) => [
          operation,
          provider,
          model,
          tries,
          replayed,
          error,
        ]),
        ['structured', 'run', 'run'].map((operation) => [
          operation,
          'openai',
          'gpt-4.1-mini',
          1,
          false,
          null,
        ]),
      );
      const [sorting, asking, answering] = calls;
      const prompt = sorting?.request?.messages ?? [];
      assert.deepEqual(
        prompt.map(({ role, parts }) => [role, parts[0]?.type]),
        [
          ['system', 'text'],
          ['user', 'text'],
        ],
      );
      assert.match(prompt[0]?.parts[0]?.text ?? '', /^What does the customer want\?/);
      assert.equal(prompt[1]?.parts[0]?.text, 'Where is my order 1042?');
      assert.equal(Object(sorting?.request?.settings['responseFormat']).name, 'response');
      assert.deepEqual(
        asking?.request?.tools.map(({ name }) => name),
        ['search_pages', 'find_order', 'refund'],
      );
      assert.deepEqual(asking?.answer?.tool_calls?.[0]?.input, { number: '1042' });
      assert.equal(answering?.answer?.text, 'It is with you on Thursday.');
      assert.deepEqual(answering.request?.messages.at(-1)?.parts[0]?.name, 'find_order');
      assert.ok((answering.first_piece_ms ?? -1) >= 0);
      for (const { tokens, cost_usd: cost, ms } of calls) {
        assert.ok(tokens && tokens.prompt > 0 && tokens.completion > 0);
        assert.ok(cost !== null && cost > 0);
        assert.ok(ms !== null && ms > 0);
      }
      const used = trace.usage?.[0];
      const sum = calls.reduce((total, { tokens }) => total + (tokens?.prompt ?? 0), 0);
      assert.equal(sum, used?.prompt_tokens);

      const [tool] = entriesOf(trace, 'tool');
      assert.partialDeepStrictEqual(tool, {
        name: 'find_order',
        title: 'Looking up order 1042',
        status: 'completed',
        input: { number: '1042' },
        replayed: false,
      });
      assert.equal(Object(tool?.output).eur, 249);
      assert.equal(entriesOf(trace, 'status')[0]?.message, 'Reading your message…');
      const [message] = entriesOf(trace, 'message');
      assert.equal(message?.text, 'It is with you on Thursday.');
      assert.ok(message.pieces > 1);
      const events = entriesOf(trace, 'event');
      assert.deepEqual(
        events.map(({ event, internal }) => `${event.event_type} ${internal}`).toSorted(),
        [
          'comm.assistant_message false',
          'context.tool_call true',
          'context.tool_result true',
          'jims.thread.titled true',
          'state.set.visits true',
          'support.answered false',
        ],
      );
      assert.partialDeepStrictEqual(trace.entries[0], { kind: 'pipeline', name: 'counted' });
      assert.partialDeepStrictEqual(trace.entries.at(-1), { kind: 'end', type: 'result' });
    });

    test('the real error of a pipeline, with the line of the app where it was thrown', async () => {
      await using service = await serveSupport();
      const { runId, response } = await say(service, 'break');
      assert.equal(response.status, 500);
      const trace = await traceOf(service, runId);
      assert.equal(trace.status, 'failed');
      const { error } = trace;
      assert.partialDeepStrictEqual(error, {
        code: 'pipeline_failed',
        name: 'TypeError',
        message: 'The drawer is stuck',
      });
      assert.match(error?.stack ?? '', /openDrawer/);
      assert.deepEqual(error?.causes[0]?.message, 'No key');
      const { file, line, excerpt } = error?.source ?? {};
      assert.match(file ?? '', /trace\.test\.ts$/);
      const thrown = excerpt?.find((each) => each.line === line);
      assert.match(thrown?.text ?? '', /throw new TypeError\('The drawer is stuck'/);
      assert.equal(excerpt?.length, 7);
      assert.deepEqual(trace.state.after, trace.state.before);
      assert.partialDeepStrictEqual(trace.entries.at(-1), {
        kind: 'end',
        type: 'error',
        reason: 'pipeline_failed',
      });
      // The client has got none of it.
      assert.doesNotMatch(await response.text(), /drawer/);
    });

    test('a model that fails: its tries and its error', async () => {
      await using service = await serveSupport();
      fake.fail({ kind: 'status', status: 500, times: 9 });
      const { runId } = await say(service, 'Hello');
      const [call] = entriesOf(await traceOf(service, runId), 'model');
      assert.ok((call?.tries ?? 0) > 1);
      assert.match(call?.error ?? '', /500/);
      assert.equal(call?.answer, null);
      assert.equal(call?.tokens, null);
    });

    test('what an answer replays of the run before is marked, and no model is asked again', async () => {
      await using service = await serveSupport();
      fake.reply(
        { json: { kind: 'refund', title: 'Refund' } },
        wants('refund', { number: '1042' }),
      );
      const refund = await say(service, 'Money back for 1042, please');
      const waiting = await traceOf(service, refund.runId);
      assert.equal(waiting.status, 'waiting');
      const [question] = entriesOf(waiting, 'question');
      assert.partialDeepStrictEqual(question, {
        text: 'Shall I pay €249 back?',
        audience: 'contact',
      });
      fake.reply({ content: 'Your 249 euros are on their way.' });
      const paid = await traceOf(service, (await say(service, 'yes')).runId);
      assert.equal(paid.chain_id, refund.runId);
      assert.deepEqual(
        entriesOf(paid, 'model').map(({ operation, replayed, request, tries }) => [
          operation,
          replayed,
          request === null,
          tries,
        ]),
        [
          ['structured', true, true, 0],
          ['run', true, true, 0],
          ['run', false, false, 1],
        ],
      );
      const [answer] = entriesOf(paid, 'step');
      assert.partialDeepStrictEqual(answer, { name: 'approve refund', replayed: true });
      assert.equal(Object(answer?.output).content, 'yes');
      assert.deepEqual(
        entriesOf(paid, 'tool').map(({ name, status, replayed }) => [name, status, replayed]),
        [['refund', 'completed', false]],
      );
      assert.deepEqual(paid.state.before, { visits: { count: 1 } });
      assert.equal(fake.requests.length, 3);
    });

    test('of a run that was not traced it is what the database has', async () => {
      await using service = await serveSupport(false);
      fake.reply(
        { json: { kind: 'order', title: 'Where order 1042 is' } },
        wants('find_order', { number: '1042' }),
        { content: 'It is with you on Thursday.' },
      );
      await say(service, 'Where is my order 1042?');
      fake.reply({ json: { kind: 'question', title: 'Hello' } }, { content: 'Hello!' });
      const { runId } = await say(service, 'Hello');
      const trace = await traceOf(service, runId);
      assert.equal(trace.kept, false);
      assert.deepEqual(trace.attempts, []);
      assert.deepEqual(trace.state, {
        before: { visits: { count: 1 } },
        after: { visits: { count: 2 } },
      });
      const [, answering] = entriesOf(trace, 'model');
      assert.equal(answering?.operation, 'run');
      assert.equal(answering.answer?.text, 'Hello!');
      assert.ok(answering.tokens && answering.tokens.prompt > 0);
      assert.ok(
        entriesOf(trace, 'event').some(({ event }) => event.event_type === 'support.answered'),
      );
      const broken = await say(service, 'break');
      const failed = await traceOf(service, broken.runId);
      assert.partialDeepStrictEqual(failed.error, { code: 'pipeline_failed', stack: null });
      assert.deepEqual(failed.state, {
        before: { visits: { count: 2 } },
        after: { visits: { count: 2 } },
      });
    });

    test('contacts get none of it, and an erased thread has no traces', async () => {
      await using service = await serveSupport();
      fake.reply({ json: { kind: 'question', title: 'Hello' } }, { content: 'Hello!' });
      const { runId, threadId } = await say(service, 'Hello');
      const asContact = { headers: { 'x-contact': CONTACT } };
      for (const path of [`runs/${runId}/trace`, `runs/${runId}/wire/jims`, 'app']) {
        const response = await fetch(`${service.origin}/api/v1/${path}`, asContact);
        assert.equal(response.status, 404, path);
      }
      const events = `${service.origin}/api/v1/threads/${threadId}/events?internal=true`;
      assert.equal((await fetch(events, asContact)).status, 404);
      assert.equal((await get(service, `runs/${runId}/trace?attempt=2`)).status, 404);
      await fetch(`${service.origin}/api/v1/threads/${threadId}`, { method: 'DELETE' });
      assert.equal((await get(service, `runs/${runId}/trace`)).status, 404);
    });
  });
});

interface Shop extends AsyncDisposable {
  readonly origin: string;
  readonly shop: Awaited<ReturnType<typeof serveApp>>;
}

interface Said {
  readonly runId: string;
  readonly threadId: string;
  readonly response: Response;
}

async function say({ origin }: Pick<Shop, 'origin'>, message: string): Promise<Said> {
  const response = await fetch(`${origin}/api/v1/chat`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
    body: JSON.stringify({ contact_id: CONTACT, message }),
  });
  if (response.ok) {
    const runId = response.headers.get('x-jims-run-id') ?? '';
    return { runId, threadId: response.headers.get('x-jims-thread-id') ?? '', response };
  }
  const threads = await jsonOf(await fetch(`${origin}/api/v1/threads?contact_id=${CONTACT}`));
  const threadId = String(Object(threads['threads'])[0].thread_id);
  const runs = await jsonOf(await fetch(`${origin}/api/v1/threads/${threadId}/runs?limit=1`));
  return { runId: String(Object(runs['runs'])[0].run_id), threadId, response };
}

function get({ origin }: Pick<Shop, 'origin'>, path: string): Promise<Response> {
  return fetch(`${origin}/api/v1/${path}`);
}

async function traceOf(service: Pick<Shop, 'origin'>, runId: string): Promise<TraceResource> {
  const response = await get(service, `runs/${runId}/trace`);
  assert.equal(response.status, 200);
  return v.parse(TraceResource, await response.json());
}

type EntryOf<TKind> = Extract<TraceEntry, { readonly kind: TKind }>;

function entriesOf<TKind extends TraceEntry['kind']>(
  { entries }: TraceResource,
  kind: TKind,
): EntryOf<TKind>[] {
  return entries.filter((entry): entry is EntryOf<TKind> => entry.kind === kind);
}
