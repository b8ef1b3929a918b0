import { setTimeout as sleep } from 'node:timers/promises';

import { NO_END, asObject, codeOf, isNoAnswer, stoppedAnswer, textsOf } from './answers.ts';
import type { Json } from './answers.ts';
import type { Answer, Message } from './message.ts';
import type { SenderOptions } from './sender-options.ts';
import type { Server } from './server.ts';
import type { Witness } from './witness.ts';

/** Asks for a run in the background until it is over, at any process. */
export function createRunFollower(
  { cluster, checks, random, patienceMs }: SenderOptions,
  witness: Witness,
): (message: Message) => Promise<Answer> {
  async function lookAt(message: Message, server: Server): Promise<Json | undefined> {
    const response = await fetch(`${server.url}/api/v1/runs/${message.runId ?? ''}?wait=2`, {
      signal: AbortSignal.timeout(patienceMs),
    });
    const text = await response.text();
    witness.read(message, text);
    checks.that('answer', response.status === 200 || isNoAnswer(response.status), () => {
      return `the run of ${message.id} got ${response.status}: ${text.slice(0, 300)}`;
    });
    return response.ok ? JSON.parse(text) : undefined;
  }

  function answerOf(message: Message, run: Json): Answer | undefined {
    const code = codeOf(asObject(run['error']));
    const said = textsOf(asObject(run['result'])['assistant_messages']);
    switch (run['status']) {
      case 'completed':
        return { kind: 'result', status: 202, said };
      case 'failed':
        return witness.refused(message, 500, code, JSON.stringify(run));
      case 'cancelled':
        return stoppedAnswer(202, code, said);
      default:
        return undefined;
    }
  }

  return async (message) => {
    const until = performance.now() + patienceMs * 2;
    while (performance.now() < until) {
      const server = cluster.pick(random);
      const run = server && (await lookAt(message, server).catch(() => undefined));
      const answer = run && answerOf(message, run);
      if (answer) return answer;
      await sleep(50);
    }
    return NO_END;
  };
}
