import { JimsClient } from 'jims-client';
import type { Chat, JimsApiError } from 'jims-client';

import { wasReached } from '../was-reached.ts';
import { Visitor } from './visitor.ts';

/** A key of a contact, or what gets one. */
export type Token = string | (() => string | Promise<string>);

/** Which chat is wanted. */
export interface ChatSettings {
  /** Used as it is, and not closed: it is the host's. */
  readonly chat: Chat | undefined;
  readonly client: JimsClient | undefined;
  readonly url: string;
  readonly contactId: string | undefined;
  readonly threadId: string | undefined;
  readonly threadConfig: Readonly<Record<string, unknown>> | undefined;
  readonly token: Token | undefined;
  readonly greet: boolean;
}

/** What the host hears of. */
export interface ChatListener {
  /** Another chat is to be shown. */
  readonly onChat: () => void;
  readonly onThread: (threadId: string) => void;
  readonly onRun: (runId: string) => void;
  readonly onError: (error: JimsApiError) => void;
}

/** The chat that an element shows, and the next one when it is to show another. */
export class ChatSession {
  readonly #listener: ChatListener;
  #settings: ChatSettings | undefined;
  #client: JimsClient | undefined;
  #chat: Chat | undefined;
  #end: (() => void) | undefined;
  #number = 0;
  #isWarned = false;

  constructor(listener: ChatListener) {
    this.#listener = listener;
  }

  get chat(): Chat | undefined {
    return this.#chat;
  }

  get client(): JimsClient | undefined {
    return this.#client;
  }

  /** Another one for each chat. */
  get number(): number {
    return this.#number;
  }

  get threadId(): string | undefined {
    return this.#chat?.getSnapshot().threadId;
  }

  /** Opens another chat where these settings are of another one. */
  show(settings: ChatSettings): void {
    const before = this.#settings;
    this.#settings = settings;
    if (before && this.#chat && this.#isSame(before, settings)) return;
    this.close();
    this.#client = settings.client;
    if (settings.chat) this.#follow(settings.chat);
    else this.#openOwn(settings.threadId ?? this.#remembered());
  }

  /** Leaves the thread; the next message begins another one. */
  startAnew(): void {
    if (!this.#settings || this.#settings.chat) return;
    this.close();
    this.#remember(undefined);
    this.#openOwn(undefined);
  }

  close(): void {
    this.#end?.();
    this.#end = undefined;
    this.#chat = undefined;
  }

  #isSame(before: ChatSettings, now: ChatSettings): boolean {
    const isSameThread = before.threadId === now.threadId || now.threadId === this.threadId;
    return (
      before.chat === now.chat &&
      before.client === now.client &&
      before.url === now.url &&
      before.contactId === now.contactId &&
      // The next call takes a token that is renewed.
      (before.token === undefined) === (now.token === undefined) &&
      isSameThread
    );
  }

  #openOwn(threadId: string | undefined): void {
    const settings = this.#known();
    const { url, token, greet, threadConfig } = settings;
    this.#client ??= new JimsClient({
      url,
      ...(token !== undefined && { token: () => this.#token() }),
    });
    const contactId = this.#contactOf(settings);
    const chat = this.#client.openChat({
      greet,
      ...(threadId !== undefined && { threadId }),
      ...(threadConfig && { threadConfig }),
      ...(contactId !== undefined && { contactId }),
    });
    this.#follow(chat, () => chat.close());
    if (!settings.client) this.#warnOnce(chat, url);
  }

  /** Where neither the page nor a token says who it is, the browser does. */
  #contactOf({ contactId, token, client, url }: ChatSettings): string | undefined {
    const isKnown = contactId !== undefined || token !== undefined || client !== undefined;
    return isKnown ? contactId : new Visitor(url).contactId;
  }

  #remembered(): string | undefined {
    const settings = this.#known();
    return new Visitor(settings.url).threadOf(this.#contactOf(settings));
  }

  #remember(threadId: string | undefined): void {
    const settings = this.#known();
    new Visitor(settings.url).remember(this.#contactOf(settings), threadId);
  }

  async #token(): Promise<string> {
    const { token } = this.#known();
    return typeof token === 'function' ? token() : (token ?? '');
  }

  #known(): ChatSettings {
    if (!this.#settings) throw new Error('Nothing is to be shown yet');
    return this.#settings;
  }

  #follow(chat: Chat, close?: () => void): void {
    this.#chat = chat;
    this.#number += 1;
    this.#listener.onChat();
    let last = chat.getSnapshot();
    const end = chat.subscribe(() => {
      const { threadId, run, error } = chat.getSnapshot();
      const before = last;
      last = chat.getSnapshot();
      if (threadId !== undefined && threadId !== before.threadId) this.#onThread(threadId);
      if (run && run.runId !== before.run?.runId) this.#listener.onRun(run.runId);
      if (error && error !== before.error) this.#onError(error);
    });
    this.#end = () => {
      end();
      close?.();
    };
    const { threadId } = last;
    // The page does not know what this tab remembers.
    if (close && threadId !== undefined && threadId !== this.#settings?.threadId) {
      this.#listener.onThread(threadId);
    }
  }

  /** The browser tells the page that a request has failed, but not that it was not allowed. */
  #warnOnce(chat: Chat, url: string): void {
    const { origin } = new URL(url);
    if (origin === location.origin) return;
    const end = chat.subscribe(() => {
      const snapshot = chat.getSnapshot();
      if (this.#isWarned || wasReached(snapshot)) return end();
      if (snapshot.status !== 'reconnecting' || !navigator.onLine) return;
      this.#isWarned = true;
      // oxlint-disable-next-line no-console -- it is the page's author who has to know
      console.warn(
        `<jims-chat> cannot reach ${origin}. If the service runs, it probably does not allow ` +
          `pages of ${location.origin}: start it with --cors-origin ${location.origin}`,
      );
    });
  }

  #onThread(threadId: string): void {
    if (!this.#known().chat) this.#remember(threadId);
    this.#listener.onThread(threadId);
  }

  #onError(error: JimsApiError): void {
    const isGone = error.status === 404 && this.#chat?.getSnapshot().messages.length === 0;
    const { threadId, chat } = this.#known();
    // What this tab remembered was deleted, or is another contact's.
    if (isGone && threadId === undefined && !chat) this.startAnew();
    else this.#listener.onError(error);
  }
}
