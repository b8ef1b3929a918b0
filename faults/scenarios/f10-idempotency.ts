import { setTimeout as sleep } from 'node:timers/promises';

import { readFacts } from '../check/facts.ts';
import type { Facts, RunFact } from '../check/facts.ts';
import { ask, chatBody, only } from '../lab/ask.ts';
import type { Reply } from '../lab/ask.ts';
import type { Cluster } from '../lab/cluster.ts';
import { LEASE_S, freshDatabase, onEachStore, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario, StoreName } from '../lab/lab.ts';

const API_KEYS = ['first-caller', 'second-caller'] as const;
const CHAT = '/api/v1/chat';
/** Of the same key, each in a thread of its own: no lock keeps them apart. */
const RIVALS = 12;
const RACES = 20;

/** F10: what a key does in each state of its run. */
export const idempotency: Scenario = {
  id: 'F10',
  about: 'Idempotency-Key: at once, after success, failure, death and sleep, other body and caller',
  run: (lab) => onEachStore(lab, 2, tryKeys),
};

async function tryKeys(lab: Lab, store: StoreName, size: number): Promise<void> {
  const { checks } = lab;
  const db = await freshDatabase(lab, store);
  const env = { JIMS_API_KEY: API_KEYS.join(',') };
  await using cluster = await startProcesses(lab, { db, size, env, leaseS: LEASE_S });
  const rounds = lab.isLong ? 8 : 1;
  for (let round = 0; round < rounds; round++) {
    const about = `${store} round ${round}`;
    const scope = `${store}-${round}`;
    const send = sender(cluster, scope);
    const same = (what: string, isSo: boolean, seen: readonly Reply[]): void =>
      checks.that('I6', isSo, () => {
        return `${about}, ${what}: ${seen.map(({ status, text }) => `${status} ${text}`).join(' | ')}`;
      });

    const atOnce = await Promise.all(
      Array.from({ length: 20 }, (_, n) => send('at-once', 'echo 200', { by: n })),
    );
    same('at once', allEqual(atOnce) && atOnce[0]?.status === 200, atOnce);
    const later = await send('at-once', 'echo 200', { by: 1 });
    const isReplayed = later.headers.get('idempotency-replayed') === 'true';
    same('after success', isReplayed && later.text === atOnce[0]?.text, [later]);

    const failed = [await send('fails', 'throw 0'), await send('fails', 'throw 0', { by: 1 })];
    same('after failure', failed.every(({ status }) => status === 500) && sameRun(failed), failed);
    const other = await send('at-once', 'echo 1');
    same('other body', other.status === 422 && other.body['code'] === 'key_reused', [other]);
    const stranger = await send('at-once', 'echo 200', { apiKey: 1 });
    same('other caller', stranger.status === 200 && !sameRun([stranger, later]), [stranger]);
    for (let race = 0; race < RACES; race++) {
      const rivals = await Promise.all(
        Array.from({ length: RIVALS }, (_, n) =>
          send(`race-${race}`, 'echo 0', { by: n, contact: n }),
        ),
      );
      const refused = rivals.filter(({ status }) => status === 422).length;
      same('other bodies at once', refused === RIVALS - 1 && rivals.some(isOk), rivals);
    }
    const bad = await send('not a key', 'echo 0');
    same('no key', bad.status === 400, [bad]);

    const dying = send('dies', 'echo 3000').catch(() => undefined);
    await untilStored(db, [`${scope}-dies`], ({ status }) => status === 'running');
    await cluster.kill(0);
    await dying;
    await cluster.start(0);
    const again = await untilAnswered(() => send('dies', 'echo 3000', { by: 1 }));
    same('after death', again.status === 200, [again]);

    if (size === 1) continue;
    const woken = await sleepThrough(cluster, { db, send, scope });
    same('after sleep', woken.every(isOk), woken);
  }
  checkRows(lab, await readFacts(db), size === 1 ? rounds : 3 * rounds);
  await cluster.stopAll();
}

type Send = (
  key: string,
  command: string,
  options?: { readonly by?: number; readonly apiKey?: 0 | 1; readonly contact?: number },
) => Promise<Reply>;

/** Sends with a key; each key is used by contacts of its own. */
function sender(cluster: Cluster, scope: string): Send {
  return (key, command, { by = 0, apiKey = 0, contact: number = 0 } = {}) => {
    const contact = `${scope}-${key.replaceAll(' ', '-')}-${apiKey}-${number}`;
    return ask(only(cluster.at(by % cluster.size)), CHAT, chatBody(contact, 'm', command), {
      headers: {
        authorization: `Bearer ${API_KEYS[apiKey]}`,
        'idempotency-key': key === 'not a key' ? key : `${scope}-${key}`,
      },
    });
  };
}

/** A dead process's run is answered by 503 until its lease is over. */
async function untilAnswered(send: () => Promise<Reply>): Promise<Reply> {
  const until = performance.now() + 20_000;
  for (;;) {
    const reply = await send();
    if (reply.status !== 503 || performance.now() > until) return reply;
    await sleep(200);
  }
}

/**
 * A process is taken for dead while it sleeps. When it wakes, one of its runs has been begun again by
 * another process, and one is begun again by itself: neither may be ended by what it still has.
 */
async function sleepThrough(
  cluster: Cluster,
  { db, send, scope }: { db: string; send: Send; scope: string },
): Promise<readonly Reply[]> {
  const [taken, takenBack] = ['deaf 2500', 'deaf 6500'] as const;
  const asleep = [send('taken', taken), send('taken-back', takenBack)];
  const over = Promise.allSettled(asleep);
  const keys = [`${scope}-taken`, `${scope}-taken-back`];
  await untilStored(db, keys, ({ status }) => status === 'running');
  cluster.freeze(0);
  await untilStored(db, keys, ({ code }) => code === 'lost');
  const atOther = send('taken', taken, { by: 1 });
  await sleep(300);
  cluster.thaw(0);
  const again = await Promise.all([atOther, send('taken-back', takenBack)]);
  await over;
  return again;
}

/** The runs of these keys stand as they are to, or it is late. */
async function untilStored(
  db: string,
  keys: readonly string[],
  isSo: (run: RunFact) => boolean,
): Promise<void> {
  const until = performance.now() + 20_000;
  for (;;) {
    const { runs } = await readFacts(db);
    const sent = runs.filter(({ key }) => key !== null && keys.includes(key));
    const isDone = sent.length === keys.length && sent.every(isSo);
    if (isDone || performance.now() > until) return;
    await sleep(50);
  }
}

function checkRows({ checks }: Lab, { threads, runs }: Facts, lost: number): void {
  for (const { contact, events } of threads) {
    const questions = events.filter(({ type }) => type === 'comm.user_message').length;
    checks.that('I1', questions === 1, () => `${contact} has their question ${questions} times`);
  }
  const again = runs.filter(({ attempt }) => attempt === 2).length;
  checks.that('I6', again === lost, () => `${again} runs were run again, to be ${lost}`);
}

function isOk({ status }: Reply): boolean {
  return status === 200;
}

function allEqual(replies: readonly Reply[]): boolean {
  return new Set(replies.map(({ text }) => text)).size === 1 && sameRun(replies);
}

function sameRun(replies: readonly Reply[]): boolean {
  const ids = replies.map(({ headers }) => headers.get('x-jims-run-id'));
  return new Set(ids).size === 1;
}
