import type { JsonObject } from '../thread/event.ts';

/**
 * Who is to be sent what changes in a chain of runs, and what is still to be sent. What changes is noted in
 * the transaction that stores the change, so no crash loses it. What is sent is not kept: it is made from the
 * stored run when it is sent.
 *
 * The deliveries of a subscription are sent one at a time and in their order, each at least once.
 */
export interface OutboxStore {
  /**
   * Keeps a subscription; one of the same chain, kind, owner and name gets its config, and what waits for it
   * is due at once. A new one of a chain that waits or is over is sent how its newest run ended: that may have been
   * just before.
   */
  subscribe(subscription: NewSubscription): Promise<SubscribeResult>;
  /** The subscriptions of an owner, oldest first. */
  subscriptions(of: SubscriptionOwner): Promise<readonly SubscriptionRecord[]>;
  /** Removes a subscription with what is to be sent to it. An unknown one is fine. */
  unsubscribe(subscription: SubscriptionKey): Promise<void>;
  /**
   * Gives deliveries that are due to this process, the longest due first. Another process gets one of them when
   * `leaseMs` are over and it has not ended.
   */
  takeDeliveries(request: TakeRequest): Promise<readonly TakenDelivery[]>;
  /** Notes what became of a delivery; `fenced` when another process has it, or its subscription is gone. */
  endDelivery(
    taken: Pick<TakenDelivery, 'deliveryId' | 'claim'>,
    outcome: DeliveryOutcome,
  ): Promise<'stored' | 'fenced'>;
}

/** How many subscriptions of one kind a chain may have. */
export const MAX_SUBSCRIPTIONS = 10;

/** Whose subscriptions to a chain. */
export interface SubscriptionOwner {
  readonly chainId: string;
  /** Which code sends it. */
  readonly kind: string;
  /** Who made it: nobody else sees or changes it. */
  readonly owner: string;
}

export interface SubscriptionKey extends SubscriptionOwner {
  /** What its owner calls it. */
  readonly name: string;
}

export interface NewSubscription extends SubscriptionKey {
  /** Where and how to send, for the code that does. */
  readonly config: JsonObject;
}

export interface SubscriptionRecord extends NewSubscription {
  readonly createdAt: string;
}

/** Whether a subscription is kept: not for a chain that is gone, or that has {@link MAX_SUBSCRIPTIONS}. */
export type SubscribeResult = 'stored' | 'chain_not_found' | 'too_many_subscriptions';

export interface TakeRequest {
  readonly kinds: readonly string[];
  readonly leaseMs: number;
  readonly limit: number;
}

/** A delivery that this process is to send. */
export interface TakenDelivery {
  /** The same at each attempt. */
  readonly deliveryId: string;
  /** Names this attempt. */
  readonly claim: string;
  readonly subscription: SubscriptionRecord;
  /** The run that ended, or whose question was withdrawn so that its chain is over. */
  readonly runId: string;
  readonly change: 'ended' | 'withdrawn';
  /** When that was. */
  readonly createdAt: string;
  /** 1 is the first. */
  readonly attempt: number;
}

/** What became of a delivery. */
export type DeliveryOutcome =
  | { readonly kind: 'sent' }
  /** To be sent once more. */
  | { readonly kind: 'failed'; readonly retryInMs: number; readonly error: string }
  /** Given up; it is kept as long as its run. Those after it are sent. */
  | { readonly kind: 'dead'; readonly error: string };
