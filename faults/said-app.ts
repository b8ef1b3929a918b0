// The app of the fault tests about files and tools. A message is `<id> <canary> <command>`, as in app.ts.
import type * as Core from 'jims-core';
import type { ThreadContext } from 'jims-core';

import { contentOf } from './lab/file-content.ts';
import { watchMoments } from './lab/moments.ts';
import { shopTools } from './lab/shop-tools.ts';

// Of the sources that are tried, which may be broken on purpose: its name leads to those that are whole.
const { defineApp }: typeof Core = await import(process.env['FAULTS_CORE'] ?? 'jims-core');

watchMoments();

/** `read` reads what the message names, `make` answers with a file, `shop` answers with tools. */
export const app = defineApp({
  durable: true,
  async pipeline(ctx) {
    const [id = '', canary = '', command = ''] = (ctx.lastUserMessage ?? '').split(/\s+/);
    const about = `${canary} re ${id}`;
    if (command === 'read') ctx.sendMessage(`${about} has ${await sizesOf(ctx)}`);
    if (command === 'make') {
      const made = { name: `${id}.txt`, mediaType: 'text/plain', data: contentOf(`${id}-made`) };
      await ctx.sendMessage(`${about} is here`, { files: [made] });
    }
    if (command === 'shop') {
      const answer = ctx.llm.run(ctx.context(), { tools: shopTools(id) });
      await ctx.sendMessage(answer);
    }
  },
});

async function sizesOf({ files }: ThreadContext): Promise<string> {
  const sizes = await Promise.all(files.map(async (file) => (await file.bytes()).length));
  return sizes.join(' and ');
}
