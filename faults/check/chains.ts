import type { Chain } from '../lab/chain-client.ts';
// What must be so of chains, whatever was done to their processes.
import { CHAIN_PARTS } from '../lab/chain-parts.ts';
import type { EffectsService, Visit } from '../lab/effects.ts';
import type { Checks } from './checks.ts';
import { bare } from './facts.ts';
import type { Facts, ThreadFact } from './facts.ts';
import type { QuestionFact } from './questions.ts';

const STEPS = CHAIN_PARTS.filter((part) => !part.startsWith('ask'));

/** Each step has its effect once, is called again only when its process died, and never after it was kept. */
export function checkEffects(
  checks: Checks,
  chains: readonly Chain[],
  effects: EffectsService,
  victims: ReadonlySet<number>,
): void {
  const visits = Map.groupBy(effects.visits, ({ about }) => about);
  for (const { id, hasKeys } of chains) {
    const mine = visits.get(id) ?? [];
    for (const step of STEPS) {
      const calls = mine.filter(({ at }) => at === step);
      const count = effects.effectsOf(id, step);
      checks.that('effect', count === 1 || (!hasKeys && count > 1), () => {
        return `step ${step} of ${id} was done ${count} times`;
      });
      const again = calls.slice(0, -1).filter(({ pid }) => !victims.has(pid));
      checks.that('effect', again.length === 0, () => {
        return `step ${step} of ${id} was called again, and its processes had not died`;
      });
      checks.that('effect', effects.keysOf(id, step).size === (hasKeys ? 1 : 0), () => {
        return `step ${step} of ${id} had keys ${[...effects.keysOf(id, step)].join(', ')}`;
      });
    }
    checkNotAfter(checks, id, mine);
  }
}

/** A step that is called after a later one was: its result was kept already. */
function checkNotAfter(checks: Checks, id: string, visits: readonly Visit[]): void {
  const indexOf = ({ at }: Visit): number => STEPS.findIndex((step) => step === at);
  let newest = -1;
  for (const visit of visits.filter((each) => indexOf(each) >= 0)) {
    const index = indexOf(visit);
    checks.that('effect', index >= newest, () => {
      return `step ${visit.at} of ${id} was called after ${STEPS[newest] ?? ''}`;
    });
    newest = Math.max(newest, index);
  }
}

/** Each chain has asked twice, was answered twice in its own thread, and has said what was answered. */
export function checkChains(
  checks: Checks,
  chains: readonly Chain[],
  facts: Facts,
  questions: readonly QuestionFact[],
): void {
  const runs = new Map(facts.runs.map((run) => [run.runId, run]));
  const threads = new Map(facts.threads.map((thread) => [thread.threadId, thread]));
  const ofContacts = Map.groupBy(questions, ({ threadId }) => threads.get(threadId)?.contact ?? '');
  const byContact = Map.groupBy(chains, ({ contact }) => contact);
  for (const [contact, mine] of byContact) {
    const open = (ofContacts.get(contact) ?? []).filter(({ state }) => state !== 'answered');
    checks.that('question', open.length === 0, () => {
      return `questions of ${contact} are ${open.map(({ state }) => state).join(', ')}`;
    });
    const count = ofContacts.get(contact)?.length ?? 0;
    checks.that('question', count === 2 * mine.length, () => {
      return `${contact} has ${mine.length} chains, and ${count} questions`;
    });
    const thread = facts.threads.find((each) => each.contact === contact);
    checkTalk(checks, mine, thread);
  }
  for (const { questionId, threadId, answeredBy } of questions) {
    const run = runs.get(answeredBy ?? '');
    checks.that('question', run?.threadId === threadId, () => {
      return `question ${questionId} was answered by ${answeredBy}, of thread ${run?.threadId}`;
    });
  }
  for (const { runId, status, code } of facts.runs) {
    checks.that('durable', status === 'completed', () => `run ${runId} is ${status} (${code})`);
  }
}

/** The thread of a contact: its chains one after the other, each whole, and nothing else. */
function checkTalk(checks: Checks, chains: readonly Chain[], thread: ThreadFact | undefined): void {
  const stored = (thread?.events ?? [])
    .filter(({ type }) => !type.startsWith('jims.lifecycle.'))
    .map(({ type, content }) => (content === '' ? type : content));
  const expected = chains.flatMap((chain) => [
    chain.message,
    `${aboutOf(chain)} sure?`,
    chain.answer,
    'jims.question_answered',
    endOf(chain),
  ]);
  checks.that('once', JSON.stringify(stored) === JSON.stringify(expected), () => {
    const at = expected.findIndex((text, index) => text !== stored[index]);
    return `thread ${thread?.threadId} has '${stored[at]}' where '${expected[at]}' belongs (${at})`;
  });
  for (const chain of chains) {
    checks.that('durable', chain.said?.at(-1) === endOf(chain), () => {
      return `${chain.id} ended with ${JSON.stringify(chain.said)}, not with ${endOf(chain)}`;
    });
  }
}

function endOf(chain: Chain): string {
  const { answer, approval } = chain;
  const values = ['one!', 'two!', answer, 'three!', approval?.value ?? '', 'four!', 'five!'];
  return `${aboutOf(chain)} has ${values.join(', ')}`;
}

function aboutOf({ id, contact }: Chain): string {
  return `canary-${contact} re ${bare(id)}`;
}
