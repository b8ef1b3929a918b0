import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import {
  booleanVariable,
  firstVariable,
  integerVariable,
  missingVariable,
  variable,
} from '../../src/llm/environment.ts';

test('the first variable with a value counts; white space is not a value', () => {
  const env = { A: ' ', B: ' b\n', C: 'c' };
  assert.deepEqual(firstVariable(env, 'A', 'B', 'C'), { name: 'B', value: 'b' });
  assert.equal(firstVariable(env, 'A', 'X'), undefined);
  assert.equal(variable(env, 'C'), 'c');
});

describe('a variable for a whole number', () => {
  test('may be left out', () => {
    assert.equal(integerVariable({ N: ' 12 ' }, 'N'), 12);
    assert.equal(integerVariable({ N: '' }, 'N'), undefined);
    assert.equal(integerVariable({ N: '0' }, 'N', 0), 0);
  });

  for (const value of ['0', '-1', '1.5', 'many', '1e400']) {
    test(`cannot be '${value}'`, () => {
      assert.throws(() => integerVariable({ N: value }, 'N'), {
        code: 'llm_unusable',
        message: `N is '${value}': it must be a whole number of at least 1`,
      });
    });
  }
});

test('a variable is true by the words of the Python original', () => {
  for (const value of ['1', 'TRUE', 't', 'yes', 'Y', ' on ']) {
    assert.equal(booleanVariable({ V: value }, 'V'), true, value);
  }
  for (const value of ['', '0', 'false', 'off', 'sure']) {
    assert.equal(booleanVariable({ V: value }, 'V'), false, value);
  }
});

test('a missing variable is named with its alternatives', () => {
  const { code, message } = missingVariable('cohere', 'COHERE_API_KEY', 'CO_API_KEY');
  assert.equal(code, 'llm_unusable');
  assert.equal(message, 'Models of cohere need COHERE_API_KEY or CO_API_KEY');
});
