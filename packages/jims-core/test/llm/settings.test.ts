import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createLlmProvider } from 'jims-core/llm';

import { resolveLlmSettings } from '../../src/llm/settings.ts';

test('the code goes before the variable, the variable before the default', () => {
  const env = { MODEL: 'from-env', EMBEDDINGS_DIM: '8', JIMS_TRACE_CONTENT: 'Yes' };
  const settings = resolveLlmSettings({ model: 'from-code' }, env);
  assert.equal(settings.model, 'from-code');
  assert.equal(settings.embeddingsDim, 8);
  assert.equal(settings.traceContent, true);
  assert.equal(settings.tries, 3);
});

test('undefined in the code counts as left out', () => {
  const given: object = { model: undefined };
  assert.equal(resolveLlmSettings(given, { MODEL: 'from-env' }).model, 'from-env');
});

test('keys lose the line break at their end', () => {
  const { modelApiKey, embeddingsModelApiKey } = resolveLlmSettings(
    { modelApiKey: 'key\n' },
    { EMBEDDINGS_MODEL_API_KEY: ' other\n' },
  );
  assert.deepEqual([modelApiKey, embeddingsModelApiKey], ['key', 'other']);
});

describe('settings with a wrong value', () => {
  for (const [settings, message] of [
    [{ tries: 0 }, /^tries is 0: it must be a whole number of at least 1$/],
    [{ tries: Number.NaN }, /^tries is NaN/],
    [{ tries: Number.POSITIVE_INFINITY }, /^tries is Infinity/],
    [{ retryBaseMs: -1 }, /^retryBaseMs is -1: it must be a number of at least 0$/],
    [{ embeddingsDim: 1.5 }, /^embeddingsDim is 1\.5/],
    [{ embeddingsMaxBatchSize: 0 }, /^embeddingsMaxBatchSize is 0/],
    [{ embeddingsMaxTokensPerBatch: Number.NaN }, /^embeddingsMaxTokensPerBatch is NaN/],
  ] as const) {
    test(`${JSON.stringify(Object.entries(settings))} is refused`, () => {
      assert.throws(() => createLlmProvider(settings, {}), { code: 'llm_unusable', message });
    });
  }
});
