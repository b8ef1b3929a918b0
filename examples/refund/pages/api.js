// How both pages talk to the service: what they send arrives once, and what they follow goes on, also
// when the service is away for a while.

const PAUSE_MS = 500;

/**
 * Sends a request until there is an answer. The key makes all of them one.
 *
 * @throws Error with what the service says, when it refuses.
 */
export async function send(path, body, { headers = {}, onAway } = {}) {
  const request = {
    method: 'POST',
    headers: {
      ...headers,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    },
    body: JSON.stringify(body),
  };
  for (;;) {
    try {
      const response = await fetch(path, request);
      if (response.status !== 503) return await answerOf(response);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    onAway?.();
    await pause();
  }
}

async function answerOf(response) {
  const answer = await response.json();
  if (response.ok) return answer;
  const error = new Error(typeof answer.detail === 'string' ? answer.detail : 'It was refused.');
  throw Object.assign(error, { status: response.status });
}

/** The events of a stream, one after another, over all interruptions, until its reader has enough. */
export async function* follow(path, { headers = {}, onAway, onBack } = {}) {
  let after = {};
  for (;;) {
    try {
      const response = await fetch(path, {
        headers: { ...headers, ...after, accept: 'text/event-stream' },
      });
      if (response.ok) onBack?.();
      for await (const frame of framesOf(response)) {
        after = frame.id ? { 'last-event-id': frame.id } : after;
        yield frame;
      }
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
    onAway?.();
    await pause();
  }
}

/** Nothing of a service that is away; throws when it refuses. */
async function* framesOf(response) {
  if (response.status >= 500) return;
  if (!response.ok) await answerOf(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const frames = (text + value).split('\n\n');
      text = frames.pop();
      // Between events there are comments, which keep the connection alive.
      yield* frames.map(frameOf).filter(({ data }) => data !== undefined);
    }
  } finally {
    // Of a stream that broke, the reason is thrown already.
    await reader.cancel().catch(() => {});
  }
}

function frameOf(text) {
  const fields = text.split('\n').map((line) => /^(\w+): ?(.*)$/.exec(line) ?? []);
  const { id, event, data } = Object.fromEntries(fields.map(([, name, value]) => [name, value]));
  return { id, event, data: data && JSON.parse(data) };
}

export function pause(ms = PAUSE_MS) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
