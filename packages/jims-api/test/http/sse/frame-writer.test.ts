import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';

import type { FrameSink } from '../../../src/http/sse/frame-writer.ts';
import { FrameWriter } from '../../../src/http/sse/frame-writer.ts';
import type { SseFrame } from '../../../src/http/sse/frame.ts';
import type { ReadyIterator } from '../../../src/http/sse/ready-iterator.ts';

const PROMPT_WRITES = 4;
const MOMENT_MS = 2;

/** Milliseconds on the clock of these tests. */
let time = 1000;

function pass(ms: number): void {
  time += ms;
  mock.timers.tick(ms);
}

/** Frames that a test sends one by one. */
class SentFrames implements ReadyIterator<SseFrame> {
  readonly #frames: SseFrame[] = [];
  #waiting: PromiseWithResolvers<IteratorResult<SseFrame, void>> | undefined;
  isReturned = false;
  taken = 0;

  send(...frames: readonly (string | SseFrame)[]): void {
    for (const frame of frames) {
      this.#frames.push(typeof frame === 'string' ? { data: frame } : frame);
    }
    const first = this.#waiting && this.takeReady();
    if (!first) return;
    this.#waiting?.resolve({ done: false, value: first });
    this.#waiting = undefined;
  }

  end(): void {
    this.#waiting?.resolve({ done: true, value: undefined });
  }

  fail(error: Error): void {
    this.#waiting?.reject(error);
  }

  takeReady(): SseFrame | undefined {
    const frame = this.#frames.shift();
    if (frame) this.taken++;
    return frame;
  }

  next(): Promise<IteratorResult<SseFrame, void>> {
    const frame = this.takeReady();
    if (frame) return Promise.resolve({ done: false, value: frame });
    this.#waiting = Promise.withResolvers();
    return this.#waiting.promise;
  }

  async return(): Promise<IteratorReturnResult<void>> {
    this.isReturned = true;
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** Keeps what is written; has room for so many writes. */
class Sink implements FrameSink {
  readonly writes: string[] = [];
  room = Infinity;
  error: unknown;

  write(text: string): boolean {
    this.writes.push(text);
    return --this.room > 0;
  }

  end(text: string): void {
    this.writes.push(`${text}(end)`);
  }

  fail(error: unknown): void {
    this.error = error;
  }
}

function start(): { frames: SentFrames; sink: Sink; writer: FrameWriter } {
  const frames = new SentFrames();
  const sink = new Sink();
  const writer = new FrameWriter(frames, sink);
  writer.resume();
  return { frames, sink, writer };
}

/** A stream that has had its first writes, all at this moment. */
async function startedBefore(): Promise<ReturnType<typeof start>> {
  const started = start();
  for (let n = 0; n < PROMPT_WRITES; n++) {
    started.frames.send('before');
    await settled();
  }
  started.sink.writes.length = 0;
  return started;
}

/** Lets everything happen that needs no time. */
async function settled(): Promise<void> {
  for (let n = 0; n < 20; n++) await Promise.resolve();
}

// In a `describe`: the tests of other files run in the same process.
describe('FrameWriter', () => {
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    mock.method(performance, 'now', () => time);
  });
  afterEach(() => mock.reset());

  test('the first frames are written at once, however fast they come', async () => {
    const { frames, sink } = start();
    for (const data of ['a', 'b', 'c', 'd']) {
      frames.send(data);
      await settled();
    }
    assert.deepEqual(sink.writes, ['data: a\n\n', 'data: b\n\n', 'data: c\n\n', 'data: d\n\n']);
  });

  test('frames that are there together are written together', () => {
    const frames = new SentFrames();
    const sink = new Sink();
    frames.send('a', 'b', 'c');
    new FrameWriter(frames, sink).resume();
    assert.deepEqual(sink.writes, ['data: a\n\ndata: b\n\ndata: c\n\n']);
  });

  test('frames that come within a moment of the last write go together when it has passed', async () => {
    const { frames, sink } = await startedBefore();
    for (const data of ['a', 'b', 'c']) {
      frames.send(data);
      await settled();
    }
    assert.deepEqual(sink.writes, []);
    pass(MOMENT_MS);
    assert.deepEqual(sink.writes, ['data: a\n\ndata: b\n\ndata: c\n\n']);
    frames.send('d');
    await settled();
    assert.equal(sink.writes.length, 1, 'a frame right after that write did not wait');
    pass(MOMENT_MS);
    assert.equal(sink.writes[1], 'data: d\n\n');
  });

  test('a frame that comes later than that is written at once', async () => {
    const { frames, sink } = await startedBefore();
    pass(MOMENT_MS);
    frames.send('a');
    await settled();
    assert.deepEqual(sink.writes, ['data: a\n\n']);
  });

  test('a burst that no timer comes through is written all the same', async () => {
    const { frames, sink } = await startedBefore();
    frames.send('a');
    await settled();
    // The clock goes on, but the event loop does not turn.
    time += MOMENT_MS;
    frames.send('b');
    await settled();
    assert.deepEqual(sink.writes, ['data: a\n\ndata: b\n\n']);
  });

  test('much text does not wait', async () => {
    const { frames, sink } = await startedBefore();
    frames.send('x'.repeat(20_000));
    await settled();
    assert.equal(sink.writes.length, 1);
  });

  test('the end does not wait, and comes after all frames', async () => {
    const { frames, sink } = await startedBefore();
    frames.send('a');
    await settled();
    frames.end();
    await settled();
    assert.deepEqual(sink.writes, ['data: a\n\n(end)']);
    pass(MOMENT_MS);
    assert.equal(sink.writes.length, 1);
  });

  test('an error comes after all frames', async () => {
    const { frames, sink } = await startedBefore();
    const failure = new Error('broken');
    frames.send('a');
    await settled();
    frames.fail(failure);
    await settled();
    assert.deepEqual(sink.writes, ['data: a\n\n']);
    assert.equal(sink.error, failure);
  });

  test('a frame that cannot be written ends the frames, those before it are written', async () => {
    const { frames, sink } = start();
    frames.send('a', { event: 'no name', data: '' }, 'b');
    await settled();
    assert.deepEqual(sink.writes, ['data: a\n\n']);
    assert.ok(sink.error instanceof TypeError);
    assert.ok(frames.isReturned);
  });

  test('no frame is taken while there is no room', async () => {
    const { frames, sink, writer } = start();
    sink.room = 1;
    frames.send('a');
    await settled();
    frames.send('b', 'c');
    pass(MOMENT_MS);
    await settled();
    assert.equal(frames.taken, 1);
    sink.room = Infinity;
    writer.resume();
    assert.deepEqual(sink.writes, ['data: a\n\n', 'data: b\n\ndata: c\n\n']);
  });

  test('a frame that was waited for comes before those after it, when room comes meanwhile', async () => {
    const { frames, sink, writer } = await startedBefore();
    frames.send('a', 'b');
    writer.resume();
    await settled();
    pass(MOMENT_MS);
    assert.equal(sink.writes.join(''), 'data: a\n\ndata: b\n\n');
  });

  test('of a large frame no more is made than there is room for', async () => {
    const { frames, sink, writer } = start();
    let made = 0;
    function* pieces(): Generator<string> {
      for (; made < 100; made++) yield 'x'.repeat(1000);
    }
    sink.room = 1;
    frames.send({ data: { [Symbol.iterator]: pieces } }, 'after');
    await settled();
    assert.equal(made, 16);
    sink.room = Infinity;
    writer.resume();
    pass(MOMENT_MS);
    const text = sink.writes.join('');
    assert.ok(text === `data: ${'x'.repeat(100_000)}\n\ndata: after\n\n`, text.slice(-100));
  });

  test('nothing is written after a stop, and the frames are let go', async () => {
    const { frames, sink, writer } = await startedBefore();
    frames.send('a');
    await settled();
    writer.stop();
    pass(MOMENT_MS);
    frames.send('b');
    await settled();
    assert.deepEqual(sink.writes, []);
    assert.ok(frames.isReturned);
  });
});
