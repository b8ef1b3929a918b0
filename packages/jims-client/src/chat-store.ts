import type { ChatSnapshot } from './chat-snapshot.ts';
import { NEW_CHAT } from './chat-state.ts';
import type { ChatState } from './chat-state.ts';
import { ChatView } from './chat-view.ts';

/** The state of a chat, and those who listen to it. */
export class ChatStore {
  readonly #listeners = new Set<() => void>();
  readonly #view: ChatView;
  #state: ChatState;
  #shown: ChatState | undefined;
  #snapshot: ChatSnapshot | undefined;
  #announced: ChatSnapshot | undefined;
  #isDue = false;

  constructor(first: Partial<ChatState>, addressOf: (fileId: string) => string) {
    this.#state = { ...NEW_CHAT, ...first };
    this.#view = new ChatView(addressOf);
  }

  get state(): ChatState {
    return this.#state;
  }

  /** Replaces the members that change. */
  set(change: Partial<ChatState>): void {
    this.update((state) => ({ ...state, ...change }));
  }

  update(change: (state: ChatState) => ChatState): void {
    const next = change(this.#state);
    if (next === this.#state) return;
    this.#state = next;
    if (this.#isDue) return;
    this.#isDue = true;
    // What changes together is announced once.
    queueMicrotask(() => {
      this.#isDue = false;
      const snapshot = this.getSnapshot();
      if (snapshot === this.#announced) return;
      this.#announced = snapshot;
      for (const listener of [...this.#listeners]) listener();
    });
  }

  /** Returns what ends it, and returns false when that is done already. */
  subscribe(listener: () => void): () => boolean {
    // The same function may subscribe twice.
    const call = (): void => listener();
    this.#listeners.add(call);
    return () => this.#listeners.delete(call);
  }

  readonly getSnapshot = (): ChatSnapshot => {
    if (this.#shown !== this.#state || !this.#snapshot) {
      this.#snapshot = this.#view.snapshotOf(this.#state);
      this.#shown = this.#state;
    }
    return this.#snapshot;
  };
}
