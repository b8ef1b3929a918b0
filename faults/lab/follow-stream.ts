import { setTimeout as sleep } from 'node:timers/promises';

import { liveFrames } from '../../packages/jims-api/test/support/live-frames.ts';
import { NO_END, codeOf, isNoAnswer, stoppedAnswer, textsOf } from './answers.ts';
import type { Json } from './answers.ts';
import type { Answer, Message } from './message.ts';
import type { SenderOptions } from './sender-options.ts';
import type { Witness } from './witness.ts';

/** What a client has of a stream so far. */
interface Seen {
  /** The id of the newest frame, `<attempt>.<number>`; none before the first. */
  last: string | undefined;
  /** The text of each message, put together of its deltas. */
  readonly texts: Map<string, string>;
}

/** Follows the run of a stream to its end, over any number of cuts and processes. */
export function createStreamFollower(
  options: SenderOptions,
  witness: Witness,
): (message: Message, first: Response) => Promise<Answer> {
  const { cluster, checks, history, random, patienceMs, cutChance = 0 } = options;

  /** Reads to the end of the run, or until the stream is cut; nothing then. */
  async function readFrames(
    message: Message,
    response: Response,
    seen: Seen,
  ): Promise<Answer | undefined> {
    await using frames = liveFrames(response);
    try {
      for (let frame = await frames.next(); frame; frame = await frames.next()) {
        witness.read(message, JSON.stringify(frame));
        const { event, data, id } = frame;
        if (id !== undefined) {
          checkOrder(message, { event, id }, seen.last);
          seen.last = id;
        }
        if (event === 'restarted') seen.texts.clear();
        if (event === 'delta') {
          const about = String(data['message_id']);
          seen.texts.set(about, (seen.texts.get(about) ?? '') + String(data['delta']));
        }
        const end = endAnswer(message, event, data, seen.texts);
        if (end) return end;
        if (random.chance(cutChance)) return undefined;
      }
    } catch {
      // Cut off: it is joined again.
    }
    return undefined;
  }

  /** What a client has not seen anything of cannot begin again for it: its first frame may be of any attempt. */
  function checkOrder(
    message: Message,
    { event, id }: { readonly event: string; readonly id: string },
    last: string | undefined,
  ): void {
    if (last === undefined) return;
    const fact = `${message.id}: frame ${id} came after ${last}`;
    checks.that('stream', comesAfter(id, last), () => fact);
    const isAnnounced = attemptOf(id) === attemptOf(last) || event === 'restarted';
    checks.that('stream', isAnnounced, () => `${fact}, and nothing said so`);
  }

  function endAnswer(
    message: Message,
    event: string,
    data: Json,
    texts: Seen['texts'],
  ): Answer | undefined {
    if (event === 'error') return witness.refused(message, 500, codeOf(data), JSON.stringify(data));
    if (event !== 'result' && event !== 'cancelled') return undefined;
    const said = textsOf(data['assistant_messages']);
    if (event === 'cancelled') return stoppedAnswer(200, String(data['reason']), said);
    for (const text of texts.values()) {
      checks.that('stream', said.includes(text), () => {
        return `${message.id}: the deltas make '${text}', and the result has none such`;
      });
    }
    return { kind: 'result', status: 200, said };
  }

  async function join(message: Message, after: string | undefined): Promise<Response | undefined> {
    const server = cluster.pick(random);
    if (!server) return undefined;
    history.write({ what: 'join', message: message.id, process: server.name, after });
    return fetch(`${server.url}/api/v1/runs/${message.runId ?? ''}/stream`, {
      headers: after === undefined ? {} : { 'last-event-id': after },
      signal: AbortSignal.timeout(patienceMs),
    }).catch(() => undefined);
  }

  return async (message, first) => {
    witness.named(message, first);
    witness.acknowledged(message);
    const seen: Seen = { last: undefined, texts: new Map() };
    const until = performance.now() + patienceMs * 2;
    let response: Response | undefined = first;
    while (performance.now() < until) {
      const answer: Answer | undefined = response && (await readFrames(message, response, seen));
      if (answer) return answer;
      response = await join(message, seen.last);
      if (!response) await sleep(100);
      const { status = 0 } = response ?? {};
      if (status === 204 || isNoAnswer(status)) response = undefined;
      else if (response && status !== 200) {
        return witness.json(message, response, () => ({ kind: 'retry', status }));
      }
    }
    return NO_END;
  };
}

function attemptOf(id: string): number {
  return Number(id.split('.')[0]);
}

function comesAfter(id: string, other: string): boolean {
  const [newer, older] = [attemptOf(id), attemptOf(other)];
  return newer === older ? seqOf(id) > seqOf(other) : newer > older;
}

function seqOf(id: string): number {
  return Number(id.split('.')[1]);
}
