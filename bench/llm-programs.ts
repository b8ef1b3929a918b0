// The programs that bench/llm.ts measures, each for a process of its own that has the built packages.
const WARM_UP = 50;
export const STREAMED_WORDS = 200;

/** Prints what the process has cost so far, and ends it. */
export const COST = `
const { user, system } = process.cpuUsage();
const rss = process.memoryUsage().rss / 2 ** 20;
console.log(JSON.stringify({ cpu: (user + system) / 1000, rss }));
process.exit(0);`;

export const CORE = `await import('jims-core');`;

export const RUN = oneRun(`(ctx) => ctx.sendMessage('hi')`);
export const LLM = oneRun(
  `async (ctx) => ctx.sendMessage((await ctx.llm.chatCompletionPlain(ctx.history)).content)`,
);

/** Prints how long each call of each kind took, made in turn in one run. */
export const CALLS = `${oneRun(`async (ctx) => {
  const address = process.env.OPENAI_BASE_URL + '/chat/completions';
  const headers = { 'content-type': 'application/json', authorization: 'Bearer k' };
  const short = ctx.history;
  const long = [{ role: 'user', content: '!say ' + 'word '.repeat(${STREAMED_WORDS}) }];
  const ask = (messages, more) => fetch(address, {
    method: 'POST', headers, body: JSON.stringify({ model: 'gpt-4.1-mini', messages, ...more }),
  });
  const kinds = {
    'bare fetch': async () => (await (await ask(short)).json()).choices[0].message.content,
    completion: async () => (await ctx.llm.chatCompletionPlain(short)).content,
    'bare stream': async () => {
      const response = await ask(long, { stream: true, stream_options: { include_usage: true } });
      let text = '';
      let rest = '';
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        const lines = (rest + chunk).split('\\n');
        rest = lines.pop();
        for (const line of lines) {
          if (!line.startsWith('data: {')) continue;
          text += JSON.parse(line.slice(6)).choices[0]?.delta.content ?? '';
        }
      }
      return text;
    },
    stream: async () => {
      let text = '';
      for await (const piece of ctx.llm.stream(long)) text += piece;
      return text;
    },
  };
  const times = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
  for (let at = -${WARM_UP}; at < Number(process.env.CALLS); at++) {
    for (const name of Object.keys(kinds).sort(() => Math.random() - 0.5)) {
      const started = performance.now();
      const text = await kinds[name]();
      if (at >= 0) times[name].push(performance.now() - started);
      if (!text) throw new Error(name + ' gave nothing');
    }
  }
  console.log(JSON.stringify(times));
}`)}
process.exit(0);`;

function oneRun(pipeline: string): string {
  return `
const { defineApp, newEvent } = await import('jims-core');
const app = defineApp({ store: 'sqlite::memory:', pipeline: ${pipeline} });
const run = await app.runs.start({
  thread: { kind: 'latest', contactId: 'c', threadConfig: {} },
  incoming: newEvent('comm.user_message', { role: 'user', content: 'hello' }),
});
const end = await run.end;
if (end.type !== 'result') throw end.error;`;
}
