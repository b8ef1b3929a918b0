import { describeError } from '../errors/jims-error.ts';
import type { OutboxStore, TakenDelivery } from '../store/store.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { UpkeepTimer } from './upkeep.ts';
import { within } from './within.ts';

/** What came of one attempt to send. */
export type SendResult =
  | { readonly kind: 'sent' }
  /** There is nothing to send any more, as what it was about is gone. */
  | { readonly kind: 'outdated' }
  /** It did not arrive; with `isFinal` it is not sent again. The reason has no secrets in it. */
  | { readonly kind: 'failed'; readonly reason: string; readonly isFinal?: boolean };

/** Sends a delivery of one kind. It ends soon when the signal aborts. */
export type SendDelivery = (delivery: TakenDelivery, signal: AbortSignal) => Promise<SendResult>;

/** What a process sends deliveries with. */
export interface DeliveryServices {
  readonly store: Pick<OutboxStore, 'takeDeliveries' | 'endDelivery'>;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, 'countDelivery'>;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** How long the first attempts are apart; the later ones as far as the last of these. */
export const DELIVERY_PAUSES_MS: readonly number[] = [
  5 * SECOND_MS,
  30 * SECOND_MS,
  2 * MINUTE_MS,
  10 * MINUTE_MS,
  30 * MINUTE_MS,
  HOUR_MS,
  2 * HOUR_MS,
  4 * HOUR_MS,
  8 * HOUR_MS,
  14 * HOUR_MS,
];
/** How long after the change it is given up. */
export const DELIVERED_FOR_MS: number = 72 * HOUR_MS;
const LOOK_EVERY_MS = 1000;
/** Long enough for the slowest sender: another process takes what a dead one was sending when it is over. */
const LEASE_MS = 20_000;
/** How many are sent at a time. */
const MAX_SENDING = 32;
/** How long a process that stops waits for what it is sending. */
const LAST_ANSWERS_MS = 1000;

/** Sends what changed in chains to those who subscribed to it, on every process that can send. */
export class Deliveries {
  readonly #senders = new Map<string, SendDelivery>();
  readonly #sending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  readonly #stopping = new AbortController();
  #services: DeliveryServices | undefined;
  #timer: UpkeepTimer | undefined;
  #isLooking = false;
  #looksAgain = false;

  /** Sends deliveries of a kind in this way from now on. */
  sendBy(kind: string, send: SendDelivery): void {
    this.#senders.set(kind, send);
    this.#start();
  }

  /** Begins to send, as soon as there is anything to send with. */
  open(services: DeliveryServices): void {
    this.#services = services;
    this.#start();
  }

  /** Looks now for what is due, and not in a second: there may be something. */
  lookSoon(): void {
    // What fails here is found by the timer, too, which reports it.
    if (this.#services && this.#timer) void this.#look(this.#services).catch(() => {});
  }

  /** Takes nothing more, and leaves to others what is not sent within a second. */
  async close(): Promise<void> {
    this.#timer?.close();
    this.#closing.abort();
    await within(LAST_ANSWERS_MS, Promise.all(this.#sending));
    this.#stopping.abort();
    await Promise.all(this.#sending);
  }

  #start(): void {
    const services = this.#services;
    if (this.#timer || !services || this.#senders.size === 0) return;
    this.#timer = new UpkeepTimer({
      work: () => this.#look(services),
      task: 'look for deliveries that are due',
      logger: services.logger,
      everyMs: LOOK_EVERY_MS,
    });
    this.#timer.start();
  }

  async #look(services: DeliveryServices): Promise<void> {
    this.#looksAgain = true;
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      while (this.#looksAgain) {
        this.#looksAgain = false;
        await this.#sendDue(services);
      }
    } finally {
      this.#isLooking = false;
    }
  }

  async #sendDue(services: DeliveryServices): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const limit = MAX_SENDING - this.#sending.size;
      if (limit <= 0) {
        await Promise.race(this.#sending);
        continue;
      }
      const kinds = [...this.#senders.keys()];
      const taken = await services.store.takeDeliveries({ kinds, leaseMs: LEASE_MS, limit });
      // What a process takes while it stops is sent by another one when the lease is over.
      if (taken.length === 0 || signal.aborted) return;
      for (const delivery of taken) this.#begin(services, delivery);
    }
  }

  #begin(services: DeliveryServices, delivery: TakenDelivery): void {
    const sending = this.#send(services, delivery).finally(() => {
      this.#sending.delete(sending);
      // The next one of its subscription may be due.
      this.lookSoon();
    });
    this.#sending.add(sending);
  }

  async #send(services: DeliveryServices, delivery: TakenDelivery): Promise<void> {
    const { store, logger, metrics } = services;
    const { kind } = delivery.subscription;
    const result = await this.#tryToSend(delivery, logger);
    // Not an attempt of its own: another process sends it when the lease is over.
    if (result.kind === 'failed' && this.#stopping.signal.aborted) return;
    const retryInMs = result.kind === 'failed' ? pauseAfter(delivery, result) : undefined;
    const { deliveryId, runId, attempt } = delivery;
    const about = { kind, deliveryId, runId, attempt };
    try {
      if (result.kind !== 'failed') {
        await store.endDelivery(delivery, { kind: 'sent' });
        metrics.countDelivery(kind, result.kind);
        logger.debug(
          about,
          result.kind === 'sent' ? 'delivery sent' : 'nothing to deliver any more',
        );
        return;
      }
      const error = result.reason;
      if (retryInMs === undefined) {
        await store.endDelivery(delivery, { kind: 'dead', error });
        metrics.countDelivery(kind, 'dead');
        logger.warn({ ...about, error }, 'delivery given up');
      } else {
        await store.endDelivery(delivery, { kind: 'failed', retryInMs, error });
        metrics.countDelivery(kind, 'failed');
        logger.info({ ...about, error, retryInMs }, 'delivery failed: it is sent again');
      }
    } catch (error) {
      const what = 'cannot store what became of a delivery: it is sent again';
      logger.warn({ ...about, error: describeError(error) }, what);
    }
  }

  async #tryToSend(delivery: TakenDelivery, logger: Logger): Promise<SendResult> {
    const send = this.#senders.get(delivery.subscription.kind);
    if (!send) return { kind: 'failed', reason: 'No code here sends it' };
    try {
      return await send(delivery, this.#stopping.signal);
    } catch (error) {
      const { deliveryId } = delivery;
      logger.error({ deliveryId, error: describeError(error) }, 'a delivery could not be made');
      return { kind: 'failed', reason: 'It could not be made: see the log' };
    }
  }
}

/** `undefined` when it is given up. */
function pauseAfter(
  { attempt, createdAt }: Pick<TakenDelivery, 'attempt' | 'createdAt'>,
  { isFinal = false }: { readonly isFinal?: boolean },
): number | undefined {
  const index = Math.min(attempt, DELIVERY_PAUSES_MS.length) - 1;
  const pauseMs = DELIVERY_PAUSES_MS[index] ?? 0;
  const ageMs = Date.now() - Date.parse(createdAt);
  return isFinal || ageMs + pauseMs > DELIVERED_FOR_MS ? undefined : pauseMs;
}
