import type { Random } from '../lab/random.ts';

/** What is put in the index of any value of a body, as JSON text. */
const VALUES: readonly string[] = [
  'null',
  'true',
  '-1',
  '0.1',
  '1e999',
  '-1e999',
  '9'.repeat(400),
  '18446744073709551616',
  '""',
  '"\\u0000"',
  '"a\\u0000b"',
  '"\\ud800"',
  '"\\udc00 late"',
  '"\\r\\n\\r\\nevent: result\\ndata: {}"',
  '"__proto__"',
  '"../../../../etc/passwd"',
  `"' OR 1=1 --"`,
  `"${'x'.repeat(100_000)}"`,
  '[]',
  '{}',
  '[[]]',
  '{"__proto__": {"message": "m0 canary-fuzz echo 0"}}',
  '{"constructor": {"prototype": {"polluted": true}}}',
  '{"toString": 1, "valueOf": 2, "hasOwnProperty": 3, "then": 4}',
  `[${'0,'.repeat(10_000)}0]`,
];
const EXTRA_KEYS = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  '',
  '\u0000',
  'id',
];
const DEPTH = 100_000;

type Mutation = (body: object, random: Random) => Uint8Array;

const MUTATIONS: readonly (readonly [weight: number, mutation: Mutation])[] = [
  [2, cut],
  [3, flipBits],
  [1, deepen],
  [6, replaceValue],
  [2, dropValue],
  [2, addKey],
  [2, doubleKey],
  [1, junk],
];

/** The bytes of a body with one thing wrong, now and then with bits flipped on top. */
export function mutateBody(body: object, random: Random): Uint8Array {
  const bytes = random.weighted(MUTATIONS)(body, random);
  return random.chance(0.1) ? flip(bytes, random) : bytes;
}

function cut(body: object, random: Random): Uint8Array {
  const bytes = Buffer.from(JSON.stringify(body));
  return bytes.subarray(0, random.between(0, bytes.length - 1));
}

function flipBits(body: object, random: Random): Uint8Array {
  return flip(Buffer.from(JSON.stringify(body)), random);
}

function flip(bytes: Uint8Array, random: Random): Uint8Array {
  const flipped = Uint8Array.from(bytes);
  for (let left = random.between(1, 4); left > 0 && flipped.length > 0; left--) {
    const index = random.between(0, flipped.length - 1);
    flipped[index] = (flipped[index] ?? 0) ^ (1 << random.between(0, 7));
  }
  return flipped;
}

function deepen(body: object, random: Random): Uint8Array {
  const depth = random.pick([65, 1000, 10_000, DEPTH]);
  const [open, close] = random.pick([
    ['[', ']'],
    ['{"a":', '}'],
  ] as const);
  const closed = random.chance(0.7) ? close.repeat(depth) : '';
  return withValue(body, random, `${open.repeat(depth)}0${closed}`);
}

function replaceValue(body: object, random: Random): Uint8Array {
  return withValue(body, random, random.pick(VALUES));
}

function dropValue(body: object, random: Random): Uint8Array {
  return withValue(body, random, undefined);
}

/** The same key twice: the first, or the second, is not the valid one. */
function doubleKey(body: object, random: Random): Uint8Array {
  const [key, value] = random.pick(Object.entries(body));
  const text = JSON.stringify(body);
  const pairs = [random.pick(VALUES), JSON.stringify(value)].map(
    (each) => `${JSON.stringify(key)}:${each}`,
  );
  return Buffer.from(`{${pairs.join(',')},${text.slice(1)}`);
}

function addKey(body: object, random: Random): Uint8Array {
  const added = `${JSON.stringify(random.pick(EXTRA_KEYS))}:${random.pick(VALUES)}`;
  return Buffer.from(`{${added},${JSON.stringify(body).slice(1)}`);
}

function junk(_body: object, random: Random): Uint8Array {
  if (random.chance(0.5)) return Buffer.from(random.pick(VALUES));
  return Uint8Array.from({ length: random.between(0, 300) }, () => random.between(0, 255));
}

const MARK = 'the-index-of-the-mutation';

/** The body with the JSON text at one of its places, or without what was there. */
function withValue(body: object, random: Random, text: string | undefined): Uint8Array {
  const places = countValues(body);
  let left = random.between(1, places);
  const marked = JSON.stringify(body, (_key, value: unknown) => {
    if (left-- !== 0) return value;
    return text === undefined ? undefined : MARK;
  });
  return Buffer.from(marked.replace(JSON.stringify(MARK), () => text ?? ''));
}

function countValues(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  for (const each of Object.values(value)) count += 1 + countValues(each);
  return count;
}
