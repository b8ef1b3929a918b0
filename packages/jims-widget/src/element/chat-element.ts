import type { Chat, ChatFile, JimsClient } from 'jims-client';
import { h, render } from 'preact';

import { styleSheet } from '../styles/style-sheet.ts';
import { ENGLISH, textsWith } from '../texts.ts';
import type { ChatTexts, PartialTexts } from '../texts.ts';
import type { ChatSurroundings } from '../view/chat-context.ts';
import type { MessageAction } from '../view/message-action.ts';
import { Root } from '../view/root.tsx';
import { ChatSession } from './chat-session.ts';
import type { Token } from './chat-session.ts';
import { localeOf } from './locale.ts';
import { readFile } from './read-file.ts';
import { serviceAddress } from './service-address.ts';

/** Pages are made on servers, too, where there are no elements. */
const ElementOfPage = globalThis.HTMLElement ?? Object;

/**
 * `<jims-chat>`: a chat with a JIMS service. Attributes: `url`, `contact-id`, `thread-id`, `token`, `greet`,
 * `mode="inline|floating"`, `open`, `heading`, `theme="light|dark|auto"`, `lang`, `dir`. Its events are in
 * `JimsChatEventMap`.
 *
 * @example
 * ```html
 * <script src="https://chat.example/widget.js" type="module"></script>
 * <jims-chat mode="floating" heading="Support" contact-id="customer:42"></jims-chat>
 * ```
 */
export class JimsChatElement extends ElementOfPage {
  static readonly observedAttributes: readonly string[] = [
    'url',
    'contact-id',
    'thread-id',
    'token',
    'greet',
    'mode',
    'open',
    'heading',
    'lang',
  ];

  readonly #session = new ChatSession({
    onChat: () => this.#change(),
    onThread: (threadId) => {
      this.#change();
      this.#emit('jims-thread', threadId);
    },
    onRun: (runId) => this.#emit('jims-run', runId),
    onError: (error) => this.#emit('jims-error', error),
  });
  #client: JimsClient | undefined;
  #chat: Chat | undefined;
  #token: Token | undefined;
  #threadConfig: Readonly<Record<string, unknown>> | undefined;
  #texts: PartialTexts | undefined;
  #allTexts: ChatTexts = ENGLISH;
  #messageActions: readonly MessageAction[] = [];
  #selectedMessageId: string | undefined;
  #isMessageSelectable = false;
  #wasOpen = false;
  #isChanging = false;

  /** A client to use instead of one for `url`; the contact and the thread are of the attributes. */
  get client(): JimsClient | undefined {
    return this.#client;
  }

  set client(client: JimsClient | undefined) {
    this.#client = client;
    this.#change();
  }

  /** A chat to show as it is. The element does not close it. */
  get chat(): Chat | undefined {
    return this.#chat ?? this.#session.chat;
  }

  set chat(chat: Chat | undefined) {
    this.#chat = chat;
    this.#change();
  }

  /** The contact's key, or a function that gets one for each call; the attribute is for keys alone. */
  get token(): Token | undefined {
    return this.#token ?? this.getAttribute('token') ?? undefined;
  }

  set token(token: Token | undefined) {
    this.#token = token;
    this.#change();
  }

  /** What a new thread is made with. */
  get threadConfig(): Readonly<Record<string, unknown>> | undefined {
    return this.#threadConfig;
  }

  set threadConfig(config: Readonly<Record<string, unknown>> | undefined) {
    this.#threadConfig = config;
    this.#change();
  }

  /** The thread that is shown; `undefined` before the first message. */
  get threadId(): string | undefined {
    return this.#session.threadId ?? this.getAttribute('thread-id') ?? undefined;
  }

  set threadId(threadId: string | undefined) {
    if (threadId === undefined) this.removeAttribute('thread-id');
    else this.setAttribute('thread-id', threadId);
  }

  /** Strings of the user interface to replace; the others are English. */
  get texts(): PartialTexts | undefined {
    return this.#texts;
  }

  set texts(texts: PartialTexts | undefined) {
    this.#texts = texts;
    this.#allTexts = textsWith(texts);
    this.#change();
  }

  /** Buttons of the page below messages. */
  get messageActions(): readonly MessageAction[] {
    return this.#messageActions;
  }

  set messageActions(actions: readonly MessageAction[]) {
    this.#messageActions = actions;
    this.#change();
  }

  /** The message that the page shows more about. */
  get selectedMessageId(): string | undefined {
    return this.#selectedMessageId;
  }

  set selectedMessageId(messageId: string | undefined) {
    // A page may set it with each piece of an answer.
    if (messageId === this.#selectedMessageId) return;
    this.#selectedMessageId = messageId;
    this.#change();
  }

  /** Whether the floating panel is open. */
  get open(): boolean {
    return this.hasAttribute('open');
  }

  set open(isOpen: boolean) {
    this.toggleAttribute('open', isOpen);
  }

  /** Leaves the thread; the next message begins another one. */
  newChat(): void {
    this.#session.startAnew();
  }

  /** To where a message is written. */
  override focus(options?: FocusOptions): void {
    this.shadowRoot?.querySelector<HTMLElement>('.input')?.focus(options);
  }

  override addEventListener<Type extends keyof HTMLElementEventMap>(
    type: Type,
    listener: (this: HTMLElement, event: HTMLElementEventMap[Type]) => unknown,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void {
    super.addEventListener(type, listener, options);
    if (type !== 'jims-message-select') return;
    this.#isMessageSelectable = true;
    this.#change();
  }

  connectedCallback(): void {
    this.#takeEarlyProperties();
    this.#change();
  }

  disconnectedCallback(): void {
    this.#change();
  }

  attributeChangedCallback(): void {
    this.#change();
  }

  /** What was set on the element before it was defined hides what is defined. */
  #takeEarlyProperties(): void {
    for (const name of Object.keys(this)) {
      const value: unknown = Reflect.get(this, name);
      if (name in JimsChatElement.prototype && Reflect.deleteProperty(this, name)) {
        Reflect.set(this, name, value);
      }
    }
  }

  /** Many changes at once are one; an element that is moved in the page is not left for that. */
  #change(): void {
    if (this.#isChanging) return;
    this.#isChanging = true;
    queueMicrotask(() => {
      this.#isChanging = false;
      if (this.isConnected) this.#show();
      else this.#leave();
    });
  }

  #show(): void {
    const isFloating = this.getAttribute('mode') === 'floating';
    this.#wasOpen ||= this.open;
    if (!isFloating || this.#wasOpen) this.#session.show(this.#settings());
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    if (root.adoptedStyleSheets.length === 0) root.adoptedStyleSheets = [styleSheet()];
    const isOwn = this.#chat === undefined && this.getAttribute('thread-id') === null;
    const isBegun = isOwn && this.#session.threadId !== undefined;
    render(
      h(Root, {
        surroundings: this.#surroundings(),
        chatNumber: this.#session.number,
        texts: this.#allTexts,
        isFloating,
        isOpen: this.open,
        heading: this.getAttribute('heading') || undefined,
        onToggle: (isOpen: boolean) => {
          this.open = isOpen;
        },
        onNew: isBegun ? () => this.newChat() : undefined,
      }),
      root,
    );
  }

  #leave(): void {
    if (this.shadowRoot) render(null, this.shadowRoot);
    this.#session.close();
  }

  #settings(): Parameters<ChatSession['show']>[0] {
    return {
      chat: this.#chat,
      client: this.#client,
      url: new URL(this.getAttribute('url') ?? serviceAddress(), this.baseURI).href,
      contactId: this.getAttribute('contact-id') ?? undefined,
      threadId: this.getAttribute('thread-id') ?? undefined,
      threadConfig: this.#threadConfig,
      token: this.token,
      greet: this.hasAttribute('greet'),
    };
  }

  #surroundings(): ChatSurroundings | undefined {
    const { chat } = this.#session;
    return (
      chat && {
        chat,
        readFile: (file: ChatFile) => readFile(file, this.#session.client),
        actions: this.#messageActions,
        onSelect: this.#isMessageSelectable
          ? (message) => this.#emit('jims-message-select', message)
          : undefined,
        selectedMessageId: this.#selectedMessageId,
        locale: localeOf(this),
      }
    );
  }

  #emit(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}
