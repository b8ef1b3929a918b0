import { canaryOf } from '../check/canaries.ts';
import { ask } from './ask.ts';
import type { Reply } from './ask.ts';
import type { Server } from './server.ts';

/** Somebody who wants a refund, approves it, and says something more. The model says what they tell it to. */
export class Shopper {
  readonly id: string;
  readonly contact: string;
  /** How often a process died under what they asked for. */
  deaths = 0;

  constructor(id: string) {
    this.id = id;
    this.contact = `shopper-${id}`;
  }

  /** What the model says at last. */
  get answer(): string {
    const words = Array.from({ length: 20 }, (_, index) => `w${index}`);
    return `${this.id} ${words.join(' ')}`;
  }

  begin(server: Server): Promise<Reply> {
    const lines = ['!tool find {}', '!tool refund {}', `!say ${this.answer}`];
    return this.#say(server, 'begin', this.#message(lines));
  }

  approve(server: Server): Promise<Reply> {
    return this.#say(server, 'approve', 'yes');
  }

  goOn(server: Server): Promise<Reply> {
    return this.#say(server, 'go-on', this.#message([`!say ${this.id} bye`]));
  }

  #message(lines: readonly string[]): string {
    return [`${this.id} ${canaryOf(this.contact)} shop`, ...lines].join('\n');
  }

  #say(server: Server, key: string, message: string): Promise<Reply> {
    const headers = { 'idempotency-key': `${this.id}-${key}` };
    return ask(server, '/api/v1/chat', { contact_id: this.contact, message }, { headers });
  }
}
