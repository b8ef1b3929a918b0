import type { DatabaseSync } from 'node:sqlite';

import { newId } from '../../thread/new-id.ts';
import { MAX_SUBSCRIPTIONS } from '../store.ts';
import type {
  DeliveryOutcome,
  NewSubscription,
  SubscribeResult,
  SubscriptionKey,
  SubscriptionOwner,
  SubscriptionRecord,
  TakeRequest,
  TakenDelivery,
} from '../store.ts';
import { fromHex, listParameter, parseStoredObject, storedNow, toHex } from './columns.ts';
import { prepareAll, sql } from './rows.ts';
import type { Statements } from './rows.ts';
import { AT_ONCE, NEVER, NO_CLAIM } from './step-6.ts';
import { toPublicTime } from './timestamp.ts';

type SubscriptionRow = readonly [
  subscriptionNo: number,
  chainId: string,
  kind: string,
  owner: string,
  name: string,
  config: string,
  createdAt: string,
];
type DeliveryRow = readonly [
  deliveryNo: number,
  deliveryId: string,
  runId: string,
  change: TakenDelivery['change'],
  createdAt: number,
  attempts: number,
];
type NamedRow = readonly [subscriptionNo: number, createdAt: string, dueAt: number, claim: string];
/** What a subscription begins with. */
type Values = readonly [
  threadId: string,
  chainId: string,
  kind: string,
  owner: string,
  name: string,
  config: string,
];
type NewestRow = readonly [runId: string, isOver: number, isWithdrawn: number];

const SUBSCRIPTION = 'subscription_no, chain_id, kind, owner, name, config, created_at';
const NEWEST = `r.ticket, r.run_id, r.finished_at IS NOT NULL AS is_over,
       coalesce(q.state = 'withdrawn' AND q.answered_by IS NULL, 0) AS is_withdrawn
     FROM jims_runs r LEFT JOIN jims_questions q ON q.question_id = r.question_id`;
const DUE = `FROM jims_subscriptions
     WHERE due_at < ${NEVER} AND due_at <= ?1 AND kind IN (SELECT value FROM json_each(?2))`;
const OF_RUNS =
  'chain_id IN (SELECT run_id FROM jims_runs WHERE ticket IN (SELECT value FROM json_each(?)))';

const SQL = {
  threadOf: sql<readonly [threadId: string]>(`SELECT r.thread_id
     FROM jims_runs r JOIN threads t USING (thread_id) WHERE r.run_id = ? AND r.chain_id IS NULL`),
  newest: sql<NewestRow>(`SELECT run_id, is_over, is_withdrawn FROM (
       SELECT ${NEWEST} WHERE r.run_id = ?1
       UNION ALL
       SELECT ${NEWEST} WHERE r.chain_id = ?1)
     ORDER BY ticket DESC LIMIT 1`),
  named: sql<NamedRow>(
    `SELECT subscription_no, created_at, due_at, claim FROM jims_subscriptions
     WHERE chain_id = ? AND kind = ? AND owner = ? AND name = ?`,
  ),
  count: sql<readonly [number]>(
    'SELECT count(*) FROM jims_subscriptions WHERE chain_id = ? AND kind = ?',
  ),
  insert: `INSERT INTO jims_subscriptions
       (thread_id, chain_id, kind, owner, name, config, created_at, due_at, claim)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  list: sql<SubscriptionRow>(`SELECT ${SUBSCRIPTION} FROM jims_subscriptions
     WHERE chain_id = ? AND kind = ? AND owner = ? ORDER BY created_at, subscription_no`),
  remove: 'DELETE FROM jims_subscriptions WHERE subscription_no = ?',
  removeSome: `DELETE FROM jims_subscriptions WHERE subscription_no IN (
       SELECT subscription_no FROM jims_subscriptions WHERE thread_id = ? LIMIT ?)`,
  removeOfRuns: `DELETE FROM jims_subscriptions WHERE ${OF_RUNS}`,
  isDue: sql<readonly [1]>(`SELECT 1 ${DUE} LIMIT 1`),
  due: sql<SubscriptionRow>(`SELECT ${SUBSCRIPTION} ${DUE} ORDER BY due_at LIMIT ?3`),
  claimed: sql<readonly [subscriptionNo: number]>(
    `SELECT s.subscription_no FROM jims_deliveries d JOIN jims_subscriptions s USING (subscription_no)
     WHERE s.claim = ?1 AND d.delivery_id = ?2`,
  ),
  claim: 'UPDATE jims_subscriptions SET due_at = ?2, claim = ?3 WHERE subscription_no = ?1',
  note: `INSERT INTO jims_deliveries (delivery_id, subscription_no, run_id, change, created_at)
     VALUES (?, ?, ?, ?, ?)`,
  move: 'UPDATE jims_deliveries SET subscription_no = ?2 WHERE subscription_no = ?1',
  next: sql<DeliveryRow>(
    `SELECT delivery_no, delivery_id, run_id, change, created_at, attempts FROM jims_deliveries
     WHERE subscription_no = ? AND NOT is_dead ORDER BY delivery_no LIMIT 1`,
  ),
  attempt: 'UPDATE jims_deliveries SET attempts = attempts + 1 WHERE delivery_no = ?',
  sent: 'DELETE FROM jims_deliveries WHERE delivery_no = ?',
  failed: 'UPDATE jims_deliveries SET error = ?2 WHERE delivery_no = ?1',
  dead: 'UPDATE jims_deliveries SET error = ?2, is_dead = 1 WHERE delivery_no = ?1',
};

/** The rows of `jims_subscriptions` and `jims_deliveries`. Call writes inside a transaction. */
export class Outbox {
  readonly #sql: Statements<typeof SQL>;

  constructor(db: DatabaseSync) {
    this.#sql = prepareAll(db, SQL);
  }

  subscribe({ config, ...key }: NewSubscription): SubscribeResult {
    const chain = toHex(key.chainId);
    const thread = this.#sql.threadOf.get(chain)?.[0];
    if (thread === undefined) return 'chain_not_found';
    const { kind, owner, name } = key;
    const values = [thread, chain, kind, owner, name, JSON.stringify(config)] as const;
    const before = this.#sql.named.get(chain, kind, owner, name);
    if (before) this.#replace(before, values);
    else if (this.#isFull(chain, kind)) return 'too_many_subscriptions';
    else this.#noteEnd(this.#insert(values, [storedNow(), NEVER, NO_CLAIM]), chain);
    return 'stored';
  }

  subscriptions({ chainId, kind, owner }: SubscriptionOwner): readonly SubscriptionRecord[] {
    return this.#sql.list.all(toHex(chainId), kind, owner).map(toSubscription);
  }

  unsubscribe({ chainId, kind, owner, name }: SubscriptionKey): void {
    const [subscriptionNo] = this.#sql.named.get(toHex(chainId), kind, owner, name) ?? [];
    if (subscriptionNo !== undefined) this.#sql.remove.run(subscriptionNo);
  }

  isDue(kinds: readonly string[]): boolean {
    return this.#sql.isDue.get(Date.now(), listParameter(kinds)) !== undefined;
  }

  take({ kinds, leaseMs, limit }: TakeRequest): readonly TakenDelivery[] {
    const due = this.#sql.due.all(Date.now(), listParameter(kinds), limit);
    return due.flatMap((row) => {
      const [subscriptionNo] = row;
      const next = this.#sql.next.get(subscriptionNo);
      if (!next) {
        this.#sql.claim.run(subscriptionNo, NEVER, NO_CLAIM);
        return [];
      }
      const [deliveryNo, deliveryId, runId, change, createdAt, attempts] = next;
      const claim = newId();
      this.#sql.claim.run(subscriptionNo, Date.now() + leaseMs, toHex(claim));
      this.#sql.attempt.run(deliveryNo);
      return {
        deliveryId: fromHex(deliveryId),
        claim,
        subscription: toSubscription(row),
        runId: fromHex(runId),
        change,
        createdAt: new Date(createdAt).toISOString(),
        attempt: attempts + 1,
      };
    });
  }

  end(
    { deliveryId, claim }: Pick<TakenDelivery, 'deliveryId' | 'claim'>,
    outcome: DeliveryOutcome,
  ): 'stored' | 'fenced' {
    const [subscriptionNo] = this.#sql.claimed.get(toHex(claim), toHex(deliveryId)) ?? [];
    const [deliveryNo] =
      subscriptionNo === undefined ? [] : (this.#sql.next.get(subscriptionNo) ?? []);
    if (subscriptionNo === undefined || deliveryNo === undefined) return 'fenced';
    if (outcome.kind === 'sent') this.#sql.sent.run(deliveryNo);
    else this.#sql[outcome.kind].run(deliveryNo, outcome.error);
    const hasMore = this.#sql.next.get(subscriptionNo) !== undefined;
    const dueNext = hasMore ? AT_ONCE : NEVER;
    const dueAt = outcome.kind === 'failed' ? Date.now() + outcome.retryInMs : dueNext;
    this.#sql.claim.run(subscriptionNo, dueAt, NO_CLAIM);
    return 'stored';
  }

  /** Removes subscriptions of a thread with their deliveries, and returns how many. */
  removeSome(threadId: string, limit: number): number {
    return Number(this.#sql.removeSome.run(toHex(threadId), limit).changes);
  }

  /** Removes the subscriptions to the chains that these runs began, given by their tickets. */
  removeOfRuns(tickets: readonly number[]): void {
    this.#sql.removeOfRuns.run(JSON.stringify(tickets));
  }

  #insert(
    values: Values,
    state: readonly [createdAt: string, dueAt: number, claim: string],
  ): number {
    return Number(this.#sql.insert.run(...values, ...state).lastInsertRowid);
  }

  /** Never changed in place: see jims_activity. The old one goes first, as both have one name. */
  #replace([before, createdAt, dueAt, claim]: NamedRow, values: Values): void {
    // Of one that is being sent now the end is waited for.
    const isWaiting = dueAt !== NEVER && claim === NO_CLAIM;
    this.#sql.move.run(before, -before);
    this.#sql.remove.run(before);
    this.#sql.move.run(
      -before,
      this.#insert(values, [createdAt, isWaiting ? AT_ONCE : dueAt, claim]),
    );
  }

  #isFull(chain: string, kind: string): boolean {
    return (this.#sql.count.get(chain, kind)?.[0] ?? 0) >= MAX_SUBSCRIPTIONS;
  }

  /** What has just ended may have ended while its caller wrote the subscription. */
  #noteEnd(subscriptionNo: number, chain: string): void {
    const [runId, isOver, isWithdrawn] = this.#sql.newest.get(chain) ?? [];
    if (runId === undefined || !isOver) return;
    const change = isWithdrawn ? 'withdrawn' : 'ended';
    this.#sql.note.run(toHex(newId()), subscriptionNo, runId, change, Date.now());
    this.#sql.claim.run(subscriptionNo, AT_ONCE, NO_CLAIM);
  }
}

function toSubscription(row: SubscriptionRow): SubscriptionRecord {
  const [, chainId, kind, owner, name, config, createdAt] = row;
  return {
    chainId: fromHex(chainId),
    kind,
    owner,
    name,
    config: parseStoredObject(config),
    createdAt: toPublicTime(createdAt),
  };
}
