import assert from 'node:assert/strict';

import { parseFrames } from './api.ts';
import type { TestFrame } from './api.ts';

/** Reads the frames of a response one by one, and may leave at any time. */
export interface LiveFrames extends AsyncDisposable {
  /** The next frame; `undefined` at the end of the stream. */
  next(): Promise<TestFrame | undefined>;
  /** Reads until a frame of this name, and gives it. */
  until(event: string): Promise<TestFrame>;
  /** Everything to the end. */
  rest(): Promise<TestFrame[]>;
  leave(): Promise<void>;
}

export function liveFrames(response: Response): LiveFrames {
  assert.equal(response.status, 200);
  assert.ok(response.body);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const frames: TestFrame[] = [];
  let text = '';
  let over = false;

  async function next(): Promise<TestFrame | undefined> {
    while (frames.length === 0 && !over) {
      const { value, done } = await reader.read();
      over = done;
      text += value ?? '';
      const end = text.lastIndexOf('\n\n') + 2;
      if (end < 2) continue;
      frames.push(...parseFrames(text.slice(0, end)));
      text = text.slice(end);
    }
    return frames.shift();
  }

  const leave = (): Promise<void> => reader.cancel();
  return {
    next,
    leave,
    async until(event) {
      for (;;) {
        const frame = await next();
        assert.ok(frame, `the stream ended before a frame '${event}'`);
        if (frame.event === event) return frame;
      }
    },
    async rest() {
      const all: TestFrame[] = [];
      for (let frame = await next(); frame; frame = await next()) all.push(frame);
      return all;
    },
    [Symbol.asyncDispose]: leave,
  };
}
