import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import * as v from 'valibot';

import { chat, serveApp } from '../support/served-app.ts';
import type { ServedApp } from '../support/served-app.ts';

const DOCS = new URL('../../../../docs/', import.meta.url);
const Manifest = v.object({ peerDependencies: v.record(v.string(), v.string()) });
const Dashboard = v.object({
  panels: v.array(v.object({ targets: v.array(v.object({ expr: v.string() })) })),
});

function read(name: string): string {
  return readFileSync(new URL(name, DOCS), 'utf8');
}

function sortedSet(names: Iterable<string>): string[] {
  return [...new Set(names)].toSorted();
}

test('the packages that the page installs are of the versions that the command takes', () => {
  const manifest = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  const { peerDependencies } = v.parse(Manifest, JSON.parse(manifest));
  const installed = read('observability.md').matchAll(/^npm install (\S+)@([\d.]+)$/gm);
  // As one says it: 0.301 is in ^0.301.0, and 11 in ^11.0.0. Without it an npm of Node 20 takes another one.
  const ranges = [...installed].map(([, name, version]) => [
    name,
    `^${version}.0`,
    `^${version}.0.0`,
  ]);
  for (const [name = '', ...either] of ranges)
    assert.ok(either.includes(peerDependencies[name] ?? ''));
  assert.equal(ranges.length, Object.keys(peerDependencies).length);
});

describe('docs/observability.md', () => {
  let service: ServedApp;
  let exported: Map<string, string>;
  let text: string;
  before(async () => {
    service = await serveApp({
      app: `import { defineApp } from 'jims-core'; export const app = defineApp((ctx) => ctx.sendMessage('hi'));`,
    });
    await chat(service.origin, 'hello');
    const response = await fetch(service.metricsUrl);
    text = await response.text();
    const types = text.matchAll(/^# TYPE (\S+) (\S+)$/gm);
    const ours = [...types].filter(([, name = '']) => /^(?:jims|llm)_/.test(name));
    exported = new Map(ours.map(([, name = '', type = '']) => [name, type]));
  });
  after(() => service[Symbol.asyncDispose]());

  test('lists the metrics that the service has, with their types, and no others', () => {
    const rows = read('observability.md').matchAll(/^\| `((?:jims|llm)_\w+)` *\| (\w+) *\|/gm);
    const documented = [...rows].map(([, name, type]) => `${name} ${type}`);
    assert.deepEqual(
      documented.toSorted(),
      [...exported].map(([name, type]) => `${name} ${type}`).toSorted(),
    );
  });

  test('lists the codes of refusals, which are there from the start, and no others', () => {
    const [, list = ''] = /The codes:\n\n(.*?)\n\n/s.exec(read('observability.md')) ?? [];
    const listed = [...list.matchAll(/`(\w+)`/g)].map(([, code = '']) => code);
    const rows = text.matchAll(/^jims_refusals_total\{code="(\w+)"\} 0$/gm);
    assert.deepEqual(listed.toSorted(), [...rows].map(([, code = '']) => code).toSorted());
  });

  test('the dashboard uses each of them, and no others', () => {
    const { panels } = v.parse(Dashboard, JSON.parse(read('grafana/jims.json')));
    const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const used = expressions.flatMap((expr) => expr.match(/\b(?:jims|llm)_\w+/g) ?? []);
    const families = used.map((name) => name.replace(/_seconds_(?:bucket|sum|count)$/, '_seconds'));
    assert.deepEqual(sortedSet(families), sortedSet(exported.keys()));
  });

  test('the alerts name metrics that there are', () => {
    const [block = ''] = /```promql\n[\s\S]*?```/.exec(read('observability.md')) ?? [];
    const named = block.match(/\b(?:jims|llm)_\w+/g) ?? [];
    assert.ok(named.length > 0);
    for (const name of named) assert.ok(exported.has(name), name);
  });
});
