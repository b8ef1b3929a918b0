import type { JimsError } from '../errors/jims-error.ts';
import { derivedId } from '../thread/derived-id.ts';
import type { ThreadEvent } from '../thread/event.ts';
import { sentInEntry } from './entry-scope.ts';

/** Where an event that a pipeline sends belongs. */
export type SendPlace =
  /** Nobody sent it yet. It has this id in each execution, when its chain is durable. */
  | { readonly kind: 'new'; readonly id: string | undefined }
  | { readonly kind: 'committed'; readonly event: ThreadEvent }
  /** Another event was committed there. */
  | { readonly kind: 'other'; readonly event: ThreadEvent };

/** What becomes of an event that a pipeline sends: `dropped` when a later execution sends it. */
export type SentPlace =
  | Exclude<SendPlace, { readonly kind: 'other' }>
  | { readonly kind: 'dropped' };

/** Counts what a pipeline calls and sends, and finds the events that its chain has committed. */
export class Places {
  /** Derives the ids of events; `undefined` for random ones. */
  readonly #idBase: { readonly chainId: string; readonly part: string } | undefined;
  readonly #committed: readonly ThreadEvent[];
  #lostAtReplay: JimsError | undefined;
  #made = 0;
  #sent = 0;

  constructor(
    committed: readonly ThreadEvent[],
    idBase: { readonly chainId: string; readonly part: string } | undefined,
  ) {
    this.#committed = committed;
    this.#idBase = idBase;
  }

  /** The committed event that is to be sent next, when there is one. */
  get missing(): ThreadEvent | undefined {
    return this.#committed[this.#sent];
  }

  /** Counts a call; returns how many calls and sends came before it. */
  call(): number {
    return this.#made++;
  }

  /** Why an event is missing when the pipeline is executed again; `undefined` when none is. */
  get lostAtReplay(): JimsError | undefined {
    return this.#lostAtReplay;
  }

  /**
   * Counts an event.
   *
   * @throws JimsError `step_nested` inside of work that is kept, in a chain that may be executed again at any time.
   */
  send(type: string): SendPlace {
    const fault = sentInEntry(type);
    if (fault && this.#idBase) throw fault;
    this.#lostAtReplay ??= fault;
    this.#made++;
    const position = this.#sent++;
    const event = this.#committed[position];
    if (event) return { kind: event.type === type ? 'committed' : 'other', event };
    const base = this.#idBase;
    return { kind: 'new', id: base && derivedId(base.chainId, `${base.part}/${position}`) };
  }
}
