// The frames of a stream: as they are, as the OpenAPI document has them, and as docs/http-api.md has them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { Validator } from '@cfworker/json-schema';
import * as v from 'valibot';

import { INCLUDES } from '../../src/protocols/jims/schemas.ts';
import { parseFrames, testApi } from '../support/api.ts';
import type { TestApi, TestFrame } from '../support/api.ts';
import { thorough } from '../support/thorough-pipeline.ts';

const PAGE = readFileSync(new URL('../../../../docs/http-api.md', import.meta.url), 'utf8');
const Schema = v.record(v.string(), v.unknown());
const WithMembers = v.object({ properties: v.record(v.string(), v.unknown()) });
const Media = v.looseObject({
  'x-frames': v.array(
    v.object({ event: v.string(), include: v.optional(v.string()), schema: Schema }),
  ),
});
const Operation = v.looseObject({
  responses: v.looseObject({
    200: v.object({ content: v.object({ 'text/event-stream': Media }) }),
  }),
});
const Document = v.looseObject({
  paths: v.record(v.string(), v.record(v.string(), v.unknown())),
  components: v.looseObject({ schemas: v.record(v.string(), Schema) }),
});
type Documented = v.InferOutput<typeof Media>['x-frames'];

function membersOf(schema: v.InferOutput<typeof Schema>): readonly string[] {
  return Object.keys(v.parse(WithMembers, schema).properties);
}

describe('the frames of a run', () => {
  let api: TestApi;
  let document: v.InferOutput<typeof Document>;
  let documented: Documented;
  before(async () => {
    api = testApi(async (ctx) => {
      ctx.updateAgentStatus('Looking…');
      await ctx.step('look', () => ({ found: 7 }), { input: { at: 'shelf' }, title: 'Looking' });
      if (ctx.lastUserMessage === 'fail') throw new Error('on purpose');
      await thorough(ctx);
      ctx.sendEvent('crm.note', { by: 'anna' });
      if (ctx.lastUserMessage === 'stop') {
        await api.app.runs.cancel(ctx.runId);
        await new Promise((_, reject) => ctx.signal.addEventListener('abort', reject));
      }
    });
    document = v.parse(Document, await (await api.get('/openapi.json')).json());
    documented = framesOf('/api/v1/chat/stream', 'post');
  });
  after(() => api[Symbol.asyncDispose]());

  function framesOf(path: string, method: string): Documented {
    const operation = v.parse(Operation, document.paths[path]?.[method]);
    return operation.responses[200].content['text/event-stream']['x-frames'];
  }

  async function streamed(message: string): Promise<readonly TestFrame[]> {
    const body = { contact_id: 'anna', message, include: INCLUDES };
    return parseFrames(await (await api.post('/api/v1/chat/stream', body)).text());
  }

  test('are those that the document has, with no other members', async () => {
    const { components } = document;
    const seen = new Set<string>();
    for (const message of ['Hi', 'fail', 'stop']) {
      for (const { event, data } of await streamed(message)) {
        const schema = documented.find((one) => one.event === event)?.schema;
        assert.ok(schema, event);
        const name = event === 'result' ? 'ChatResponse' : '';
        const members = membersOf(components.schemas[name] ?? schema);
        for (const member of Object.keys(data)) {
          assert.ok(members.includes(member), `${event} ${member}`);
        }
        const { valid, errors } = new Validator({ components, ...schema }).validate(data);
        assert.ok(valid, `${event} ${JSON.stringify([data, errors])}`);
        seen.add(event);
      }
    }
    const unseen = documented.map(({ event }) => event).filter((event) => !seen.has(event));
    // Only a process that dies makes one.
    assert.deepEqual(unseen, ['restarted']);
  });

  test('the page has the same ones, with the same members', () => {
    const rows = PAGE.matchAll(/^\| `(\w+)` +\| (\S*) +\| ((?:`\w+`,? )+) *\| .*\|$/gm);
    const written = [...rows].map(([, event, include, members]) => [
      event,
      include,
      members?.match(/\w+/g),
    ]);
    assert.deepEqual(
      written,
      documented.map(({ event, include, schema }) => [
        event,
        include ? `\`${include}\`` : event === 'restarted' ? 'any' : '',
        membersOf(event === 'result' ? resultSchema() : schema),
      ]),
    );
  });

  function resultSchema(): v.InferOutput<typeof Schema> {
    return document.components.schemas['ChatResponse'] ?? assert.fail('ChatResponse');
  }

  test('a run that is joined has the same; the events of a thread have one', () => {
    assert.deepEqual(framesOf('/api/v1/runs/{run_id}/stream', 'get'), documented);
    const [event, ...others] = framesOf('/api/v1/threads/{thread_id}/events', 'get');
    assert.equal(event?.event, 'event');
    assert.deepEqual(others, []);
  });
});
