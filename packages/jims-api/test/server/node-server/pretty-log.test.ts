import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';

import { describeError } from 'jims-core/host';
import { pino } from 'pino';

import { prettyLog } from '../../../src/server/node-server/pretty-log.ts';

function logged(write: (logger: ReturnType<typeof pino>) => void): string {
  let text = '';
  const stream = { write: (line: string) => void (text += prettyLog(line)) };
  write(pino({ level: 'debug', base: null }, stream));
  return stripVTControlCharacters(text);
}

test('a line has the time, the level, the message and the fields', () => {
  const text = logged((logger) => logger.warn({ port: 8080, host: 'a b', list: [1, 2] }, 'ready'));
  assert.match(text, /^\d\d:\d\d:\d\d WARN {2}ready port=8080 host=a b list=\[ 1, 2 \]\n$/);
});

test('an error stands below with its causes', () => {
  const cause = new TypeError('the cause', { cause: 'words' });
  const error = describeError(new Error('it broke', { cause }));
  const lines = logged((logger) => logger.error({ error }, 'run failed')).split('\n');
  assert.match(lines[0] ?? '', /ERROR run failed$/);
  assert.equal(lines[1], '    Error: it broke');
  assert.match(lines[2] ?? '', /^ {8}at .*pretty-log\.test\.ts/);
  const next = lines.findIndex((line) => line === '    caused by TypeError: the cause');
  assert.ok(next > 2);
  assert.match(lines.at(-2) ?? '', /caused by Error: words/);
});

test('of packages only the number of frames is shown, and a message once', () => {
  const packages = [
    '    at step (file:///srv/shop/node_modules/jims-core/dist/run/step-work.js:31:9)',
    '    at async node:internal/process/task_queues:95:5',
  ];
  const own = '    at refund (file:///srv/shop/app.ts:12:3)';
  const message = 'The card was declined';
  const stackOf = (name: string, ...frames: readonly string[]): string =>
    [`${name}: ${message}`, ...frames].join('\n');
  const error = {
    name: 'StepFailed',
    message,
    stack: stackOf('StepFailed', ...packages),
    cause: {
      name: 'CardError',
      message,
      stack: stackOf('CardError', packages[0] ?? '', own, ...packages),
      cause: { name: 'CardError', message, stack: stackOf('CardError', own), cause: { message } },
    },
  };
  const lines = logged((logger) => logger.error({ error }, 'run failed')).split('\n');
  assert.deepEqual(lines.slice(1, -1), [
    '    StepFailed: The card was declined',
    '        … 2 in packages',
    '    caused by CardError',
    `    ${own}`,
  ]);
  const foreign = { ...error, cause: undefined };
  const whole = logged((logger) => logger.error({ error: foreign }, 'run failed')).split('\n');
  assert.deepEqual(
    whole.slice(2, -1),
    packages.map((line) => `    ${line}`),
  );
});

test('a line that is not of the log stays as it is', () => {
  assert.equal(prettyLog('Segmentation fault\n'), 'Segmentation fault\n');
});

test('control characters are shown and not obeyed', () => {
  const forged = 'bad city \u001b]0;PWNED\u0007\u001b[2K\r12:00:00 INFO FORGED \u202e';
  const line = JSON.stringify({
    level: 50,
    time: 0,
    msg: `failed: ${forged}`,
    city: forged,
    error: { name: 'Error', message: forged, stack: `Error: ${forged}\n    at here` },
  });
  const shown = stripVTControlCharacters(prettyLog(line));
  assert.equal(shown.match(/\\u001b\]0;PWNED\\u0007/g)?.length, 3);
  for (const raw of ['\u0007', '\r', '\u202e', '\u001b]']) {
    assert.ok(!prettyLog(line).includes(raw));
  }
  assert.match(shown, /\n {8}at here/, 'the lines of a stack stay lines');
  const twoLines = prettyLog(JSON.stringify({ level: 30, time: 0, msg: 'a\nb', city: 'c\nd' }));
  assert.equal(twoLines.trimEnd().split('\n').length, 1, 'a field cannot begin a line');
});
