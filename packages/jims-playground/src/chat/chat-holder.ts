import type { Chat, JimsClient } from 'jims-client';

import { configOf } from '../service/settings.ts';
import type { Persona } from '../service/settings.ts';
import { Store } from '../service/store.ts';
import { nameCopy } from './copy-title.ts';

interface HeldChat {
  readonly chat: Chat | undefined;
  /** The thread that the chat goes on in, which is another one after a message was edited. */
  readonly threadId: string | undefined;
  readonly isBusy: boolean;
}

/** The chat that is shown. One whose first message makes a thread stays the same chat. */
export class ChatHolder extends Store<HeldChat> {
  readonly #client: JimsClient;
  #leave: (() => void) | undefined;

  constructor(client: JimsClient) {
    super({ chat: undefined, threadId: undefined, isBusy: false });
    this.#client = client;
  }

  /** Opens the chat of a thread, unless that is the one that is open. */
  open(threadId: string, contactId: string): void {
    const { chat, threadId: current } = this.getSnapshot();
    if (!chat || current !== threadId) this.#hold(this.#client.openChat({ threadId, contactId }));
  }

  /** Opens a chat without a thread: a greeting makes one at once, else the first message does. */
  begin(persona: Persona, greet: boolean): void {
    const { contactId } = persona;
    const threadConfig = configOf(persona) ?? {};
    this.#hold(this.#client.openChat({ contactId, threadConfig, greet }));
  }

  close(): void {
    this.#leave?.();
    this.#leave = undefined;
  }

  #hold(chat: Chat): void {
    this.close();
    const look = (): void => {
      const { threadId, status } = chat.getSnapshot();
      const isBusy = status === 'sending' || status === 'answering';
      const before = this.getSnapshot();
      if (before.chat === chat && before.threadId === threadId && before.isBusy === isBusy) return;
      this.update({ chat, threadId, isBusy });
      if (before.chat !== chat || !before.threadId || !threadId) return;
      // A message that is edited, or tried again, goes on in a copy. One without a name is good, too.
      if (before.threadId !== threadId)
        nameCopy(this.#client, before.threadId, threadId).catch(() => {});
    };
    const end = chat.subscribe(look);
    this.#leave = () => {
      end();
      chat.close();
    };
    look();
  }
}
