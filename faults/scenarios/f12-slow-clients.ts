import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { ask, chatBody, only } from '../lab/ask.ts';
import { freshDatabase, startProcesses } from '../lab/lab.ts';
import type { Lab, Scenario } from '../lab/lab.ts';
import { openRaw } from '../lab/raw-socket.ts';
import type { Server } from '../lab/server.ts';

const MIB = 1024 * 1024;
const READERS = 50;
/** These get more than the network takes on its own, about 4 MiB; the others some of it. */
const LONG_READERS = 8;
const LONG_MIB = 8;
const SHORT_MIB = 1;
const SLOW = 100;
/** The server's own: 10 s for headers, 30 s for a request, looked at every 5 s. */
const HEADERS_CLOSED_MS = 17_000;
const BODIES_CLOSED_MS = 40_000;
/** Text is there in pieces, as the message they make, and as what the store is given. */
const TEXT_COPIES = 3;
/** A heap is not cleared while a machine is busy. */
const SPARE_BYTES = 150 * MIB;
const FINISHED_MIB = 10;
/** The heap gets as large as it must be for one reader after the other. */
const READ_BEFORE = 5;
const JOINED_MS = 5000;
/** For nine of ten, beside five times of what a request takes on this machine while nobody is slow. */
const SLOWEST_MS = 3000;
const USUAL_MS = 2000;
/** For streams of many megabytes. */
const PATIENT = { timeoutMs: 120_000 };

/** F12: clients that open and do not go on. */
export const slowClients: Scenario = {
  id: 'F12',
  about: '50 readers that do not read, 100 headers and 100 bodies that do not end',
  async run(lab) {
    const { checks } = lab;
    const db = await freshDatabase(lab, 'SQLite');
    await using cluster = await startProcesses(lab, { db, size: 1 });
    const server = only(cluster.at(0));
    // The heap gets as large as it must be for such runs when they are read.
    await Promise.all(Array.from({ length: LONG_READERS }, (_, index) => readAll(server, index)));
    const usual: number[] = [];
    await askMeanwhile(lab, server, { times: usual, signal: AbortSignal.timeout(USUAL_MS) });
    const before = server.rssBytes();
    const times: number[] = [];
    const over = new AbortController();
    const others = askMeanwhile(lab, server, { times, signal: over.signal });
    const from = performance.now();
    const headers = await open(server, SLOW, 'POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nX-A: ');
    const bodies = await open(
      server,
      SLOW,
      'POST /api/v1/chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9999\r\n\r\n{"message": "',
    );
    const readers = await readNothing(server);
    const drip = setInterval(() => {
      for (const { socket } of [...headers, ...bodies]) if (socket.writable) socket.write('x');
    }, 1000);
    let highest = 0;
    const openUntil = from + (lab.isLong ? BODIES_CLOSED_MS : HEADERS_CLOSED_MS);
    while (performance.now() < openUntil && headers.concat(lab.isLong ? bodies : []).some(isOpen)) {
      highest = Math.max(highest, server.rssBytes());
      await sleep(100);
    }
    const stillOpen = headers.filter(isOpen).length;
    checks.that('I11', stillOpen === 0, () => `${stillOpen} half headers are still open`);
    lab.figure('headers closed after ms', Math.round(Math.max(...headers.map(closedAt)) - from));
    if (lab.isLong) {
      const left = bodies.filter(isOpen).length;
      checks.that('I11', left === 0, () => `${left} dripping bodies are still open`);
      lab.figure('bodies closed after ms', Math.round(Math.max(...bodies.map(closedAt)) - from));
    } else {
      lab.note('that dripping bodies are closed (30 s) is looked at in the long form');
    }
    const after = server.rssBytes();
    const standing = await openStreams(server);
    checks.that(
      'I11',
      standing > 0,
      () => 'the network took all of the streams: nothing was shown',
    );
    lab.figure('streams standing', standing);
    clearInterval(drip);
    over.abort();
    await others;
    // At its highest, when all runs end: that what is sent waits for its reader shows in `standing`.
    const text =
      TEXT_COPIES * (LONG_READERS * LONG_MIB + (READERS - LONG_READERS) * SHORT_MIB) * MIB;
    const grown = highest - before;
    checks.that('I11', grown < text + SPARE_BYTES, () => {
      return `the process grew by ${Math.round(grown / MIB)} MiB`;
    });
    const sorted = times.toSorted((a, b) => a - b);
    const at = (share: number): number => sorted[Math.floor(sorted.length * share)] ?? Infinity;
    const most = SLOWEST_MS + 5 * Math.max(...usual);
    checks.that('answer', at(0.9) < most, () => {
      return `one in ten of the others took ${Math.round(at(0.9))} ms`;
    });
    for (const socket of readers) socket.destroy();
    for (const { socket } of [...headers, ...bodies]) socket.destroy();
    lab.figure('others', times.length);
    lab.figure('median ms', Math.round(at(0.5)));
    lab.figure('slowest ms', Math.round(sorted.at(-1) ?? Infinity));
    lab.figure('grown at most MiB', Math.round(grown / MIB));
    lab.figure('in the end MiB', Math.round((after - before) / MIB));
    await joinFinished(lab, server);
    await cluster.stopAll();
  },
};

interface Slow {
  readonly socket: Socket;
  closedAt: number | undefined;
}

const isOpen = ({ closedAt: at }: Slow): boolean => at === undefined;
const closedAt = ({ closedAt: at }: Slow): number => at ?? performance.now();

/** Connections that have sent this much, and read whatever comes back. */
async function open(server: Server, count: number, beginning: string): Promise<readonly Slow[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const slow: Slow = { socket: await openRaw(server.url), closedAt: undefined };
      slow.socket.once('close', () => (slow.closedAt = performance.now()));
      slow.socket.resume();
      slow.socket.write(beginning);
      return slow;
    }),
  );
}

/** Clients that ask for long streams, and take nothing of them. */
async function readNothing(server: Server): Promise<readonly Socket[]> {
  return Promise.all(
    Array.from({ length: READERS }, async (_, index) => {
      const socket = await openRaw(server.url);
      socket.pause();
      const body = JSON.stringify(
        flood(`slow-${index}`, index < LONG_READERS ? LONG_MIB : SHORT_MIB),
      );
      const length = `Content-Type: application/json\r\nContent-Length: ${body.length}`;
      socket.write(`POST /api/v1/chat/stream HTTP/1.1\r\nHost: a\r\n${length}\r\n\r\n${body}`);
      return socket;
    }),
  );
}

/** As many join a run that is over and long, and take nothing: they share what there is of it. */
async function joinFinished(lab: Lab, server: Server): Promise<void> {
  const answer = await ask(server, '/api/v1/chat', flood('finished', FINISHED_MIB), PATIENT);
  const path = `/api/v1/runs/${answer.headers.get('x-jims-run-id') ?? ''}/stream`;
  for (let count = 0; count < READ_BEFORE; count++) {
    await ask(server, path, undefined, PATIENT);
  }
  const before = server.rssBytes();
  const sockets = await Promise.all(
    Array.from({ length: READERS }, async () => {
      const socket = await openRaw(server.url);
      socket.pause();
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return socket;
    }),
  );
  let highest = before;
  const until = performance.now() + JOINED_MS;
  while (performance.now() < until) {
    highest = Math.max(highest, server.rssBytes());
    await sleep(100);
  }
  const standing = await openStreams(server);
  lab.checks.that('I11', standing >= READERS, () => {
    return `only ${standing} streams of a finished run are open`;
  });
  const grown = highest - before;
  lab.checks.that('I11', grown < READERS * MIB + SPARE_BYTES, () => {
    return `readers of a finished run made the process grow by ${Math.round(grown / MIB)} MiB`;
  });
  for (const socket of sockets) socket.destroy();
  lab.figure('readers of a finished run', READERS);
  lab.figure('for them MiB at most', Math.round(grown / MIB));
}

async function readAll(server: Server, index: number): Promise<void> {
  await ask(server, '/api/v1/chat/stream', flood(`quick-${index}`, LONG_MIB), PATIENT);
}

function flood(contact: string, mib: number): object {
  return { ...chatBody(contact, 'm0', `flood ${mib}`), include: ['delta', 'event'] };
}

async function openStreams({ metricsUrl }: Server): Promise<number> {
  const text = await (await fetch(metricsUrl)).text();
  return Number(/^jims_streams_open(?:\{.*\})? (\d+)/m.exec(text)?.[1] ?? Number.NaN);
}

/** Others talk, one message after the other, and are answered. */
async function askMeanwhile(
  { checks }: Lab,
  server: Server,
  { times, signal }: { times: number[]; signal: AbortSignal },
): Promise<void> {
  for (let count = 0; !signal.aborted; count++) {
    const from = performance.now();
    const status = await chat(server, `other-${count % 10}`);
    times.push(performance.now() - from);
    checks.that('answer', status === 200, () => `another request got ${status}`);
    await sleep(50);
  }
}

async function chat(server: Server, contact: string): Promise<number> {
  try {
    return (await ask(server, '/api/v1/chat', chatBody(contact, 'm0', 'echo 0'))).status;
  } catch {
    return 0;
  }
}
