// The app that `jims-api dev` serves where there is none: the desk of a bicycle workshop. It shows what a pipeline can
// do, and needs no model and no key. Copy it into your own app.ts, and change it.
import { setTimeout } from 'node:timers/promises';

import { defineApp } from 'jims-core';
import type { Button, JimsApp, MessagePart, ThreadContext } from 'jims-core';
import * as v from 'valibot';

type Parts = AsyncGenerator<string | MessagePart>;

const MENU: readonly Button[] = [
  { text: 'What does a repair cost?', id: 'prices' },
  { text: 'Book an appointment', id: 'book' },
  { text: 'What can JIMS do?', id: 'tour' },
];

const PRICES = [
  { repair: 'New tube', euros: 12, minutes: 20 },
  { repair: 'Brake pads', euros: 18, minutes: 30 },
  { repair: 'Full service', euros: 89, minutes: 180 },
];

const GREETING = 'Hello! This is the desk of a **bicycle workshop**. What can I do for you?';

/** What a thread remembers. */
const Booking = v.object({ hour: v.nullable(v.object({ day: v.string(), time: v.string() })) });

async function desk(ctx: ThreadContext): Promise<void> {
  const wish = ctx.lastUserAction?.content ?? '';
  if (wish === 'tour' || /\bjims\b|help|what can/i.test(wish)) {
    await ctx.sendMessage(spoken(TOUR, ctx.signal));
    return menu(ctx, 'Where shall we begin?', 'tour');
  }
  if (wish === 'book' || /book|appointment|when/i.test(wish)) return book(ctx);
  if (wish === 'cancel' || /cancel/i.test(wish)) return cancel(ctx);
  if (wish === 'prices' || /price|cost|much|repair|tube|brake/i.test(wish)) return prices(ctx);
  if (/^(?:hi|hello|hey)\b/i.test(wish)) return menu(ctx, GREETING);
  menu(ctx, 'I am a demo, without a model that would understand that. Try one of these:');
}

/** Text, piece by piece, as a model gives it. */
async function* spoken(text: string, signal: AbortSignal): Parts {
  for (const word of text.match(/\S+\s*/g) ?? []) {
    yield word;
    await setTimeout(25, undefined, { signal });
  }
}

/** A tool, what the model thinks of its result, a table, and where it comes from. */
async function prices(ctx: ThreadContext): Promise<void> {
  ctx.updateAgentStatus('Looking into the price list…');
  async function* answer(): Parts {
    const call = { id: 'prices', name: 'price_list', title: 'Price list' };
    yield { type: 'tool-call', ...call, input: { year: 2026 } };
    await setTimeout(600, undefined, { signal: ctx.signal });
    yield { type: 'tool-result', id: call.id, output: PRICES };
    yield { type: 'reasoning', text: 'They want to know prices. A table is easy to read.' };
    const rows = PRICES.map(
      ({ repair, euros, minutes }) => `| ${repair} | €${euros} | ${minutes} min |`,
    );
    yield* spoken('This is what we do most:\n\n', ctx.signal);
    yield `| Repair | Price | Time |\n| --- | ---: | ---: |\n${rows.join('\n')}\n\n`;
    yield* spoken(
      'Parts are included. **Bring it before noon**, and it is ready the same day.',
      ctx.signal,
    );
    yield { type: 'source', url: 'https://workshop.example/prices', title: 'Our price list' };
  }
  await ctx.sendMessage(answer());
  menu(ctx, 'Shall I book an hour for you?', 'prices');
}

/** A step is done once, although the answer to the question executes the pipeline again from its beginning. */
async function book(ctx: ThreadContext): Promise<void> {
  const booked = ctx.getState('booking', Booking)?.hour;
  if (booked) {
    return ctx.sendMessageWithButtons(`You come on **${booked.day} at ${booked.time}**.`, [
      { text: 'Cancel it', id: 'cancel' },
      ...MENU.filter(({ id }) => id !== 'book'),
    ]);
  }
  const hour = await ctx.step('find a free hour', ({ signal }) => freeHour(ctx.now(), signal), {
    title: 'Looking for a free hour',
  });
  const reply = await ctx.ask(`${hour.day} at ${hour.time} is free. Shall I book it for you?`, {
    buttons: [
      { text: 'Yes, book it', id: 'yes' },
      { text: 'No', id: 'no' },
    ],
  });
  const text = reply.kind === 'message' ? (reply.buttonId ?? reply.text) : 'no';
  if (!/^(?:yes|ok|sure|book)/i.test(text)) {
    return menu(ctx, 'Fine, I leave it free. Anything else?');
  }
  ctx.setState('booking', { hour });
  ctx.sendEvent('workshop.booked', hour);
  await ctx.sendMessage('It is yours. Here it is for your calendar.', {
    files: [
      {
        name: 'appointment.txt',
        mediaType: 'text/plain',
        data: Buffer.from(`Bicycle workshop\n${hour.day}, ${hour.time}\n`),
      },
    ],
  });
  menu(ctx, 'Anything else?');
}

/** Two days from now, as a calendar would say after a moment. */
async function freeHour(now: number, signal: AbortSignal): Promise<{ day: string; time: string }> {
  await setTimeout(900, undefined, { signal });
  const day = new Intl.DateTimeFormat('en', { weekday: 'long' }).format(now + 2 * 86_400_000);
  return { day, time: '10:00' };
}

function cancel(ctx: ThreadContext): void {
  const booked = ctx.getState('booking', Booking)?.hour;
  ctx.setState('booking', { hour: null });
  menu(ctx, booked ? `I have cancelled ${booked.day}. Anything else?` : 'You have no appointment.');
}

const TOUR = `I am **one function**, the pipeline: it is called for each message of a thread. In our conversation it

- *streams* what I say, as it does now
- *looks things up*, and you see a status, a tool and a source: ask what a repair costs
- *asks you*, and goes on with your answer, after a restart, too: book an appointment
- *remembers* your appointment, as the state of this thread

This is a pipeline that you can begin with:

\`\`\`ts
// app.ts
import { defineApp } from 'jims-core';

export const app = defineApp(async (ctx) => {
  ctx.updateAgentStatus('Thinking…');
  await ctx.sendMessage(\`You said: \${ctx.lastUserMessage}\`);
});
\`\`\`

Save it as \`app.ts\` here: this command goes on with it at once. `;

function menu(ctx: ThreadContext, text: string, without?: string): void {
  ctx.sendMessageWithButtons(
    text,
    MENU.filter(({ id }) => id !== without),
  );
}

export const app: JimsApp = defineApp({
  name: 'Bicycle workshop',
  description: 'A demo of JIMS: the desk of a bicycle workshop',
  durable: true,
  pipeline: desk,
  conversationStartPipeline: (ctx) => menu(ctx, GREETING),
});
