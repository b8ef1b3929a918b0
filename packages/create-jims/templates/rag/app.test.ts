import assert from 'node:assert/strict';
import { test } from 'node:test';

import { fakeModel, runPipeline } from 'jims-core/testing';

import { app } from './app.ts';

const WORDS = ['ticket', 'stairs', 'lamp', 'open'];

/** A model that makes vectors: how often each of the words is in a string. */
const embeddingsModel = {
  specificationVersion: 'v4',
  provider: 'test',
  modelId: 'words',
  maxEmbeddingsPerCall: 100,
  supportsParallelCalls: true,
  async doEmbed({ values }: { values: string[] }) {
    const embeddings = values.map((value) =>
      WORDS.map((word) => value.toLowerCase().split(word).length - 1),
    );
    return { embeddings, warnings: [] };
  },
} as const;

test('it answers from the passage that fits, and names its page as the source', async () => {
  const model = fakeModel(['A family ticket costs 20 euros [1].']);
  const [turn] = await runPipeline(app.pipeline, ['What does a family ticket cost?'], {
    llm: { model, embeddingsModel, embeddingsDim: 0 },
  });
  assert.deepEqual(turn?.messages, ['A family ticket costs 20 euros [1].']);
  assert.match(JSON.stringify(model.requests[0]?.prompt), /\[1\] Tickets\\nAdults pay 9 euros/);
  const [message] = turn.sent;
  const [source] = Object(message?.data['sources']);
  assert.equal(source.title, 'Tickets');
});
