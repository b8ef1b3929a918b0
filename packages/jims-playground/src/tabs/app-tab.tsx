import type { ComponentChildren, VNode } from 'preact';

import { Json } from '../parts/json-view.tsx';
import { Problem } from '../parts/problem.tsx';
import { cost, count } from '../parts/quantities.ts';
import type { AppDescription } from '../service/wire.ts';

interface AppTabProps {
  readonly app: AppDescription | undefined;
  readonly error: unknown;
  readonly base: URL;
}

/** What is served: the app, its protocols, models and limits. */
export function AppTab({ app, error, base }: AppTabProps): VNode {
  if (!app) return error === undefined ? <p class="empty">Loading…</p> : <Problem error={error} />;
  return (
    <>
      <section aria-label="App">
        <h3>{app.name}</h3>
        {app.description !== null && <p>{app.description}</p>}
        <p class="soft">
          JIMS {app.version} · {app.durable ? 'durable' : 'not durable'} · pipelines{' '}
          {app.pipelines.join(', ')} · <a href={new URL('docs', base).href}>API</a> ·{' '}
          <a href={new URL('openapi.json', base).href}>OpenAPI</a>
        </p>
      </section>
      <section aria-label="Protocols">
        <h3>Protocols</h3>
        <ul class="protocols">
          {app.protocols.map(({ name, title, addresses, docs }) => (
            <li key={name}>
              <div class="protocol-line">
                <strong>{title}</strong>
                {/^https?:/.test(docs) && <a href={docs}>docs</a>}
              </div>
              {addresses.map((address) => (
                <code key={address}>{address}</code>
              ))}
            </li>
          ))}
        </ul>
      </section>
      <Models models={app.models} />
      <Settings title="Limits" members={app.limits} />
      <Settings title="Files" members={app.files} />
      {app.dev && <Settings title="Development" members={app.dev} />}
    </>
  );
}

function Models({ models }: Pick<AppDescription, 'models'>): VNode {
  return (
    <section aria-label="Models">
      <h3>Models</h3>
      {models.length === 0 && <p class="soft">None was used since the service started.</p>}
      <ul class="protocols">
        {models.map((model, index) => (
          <li key={index}>
            <div class="protocol-line">
              <strong>{String(model['model'])}</strong>
              <span class="soft">{usedOf(model)}</span>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}

function usedOf(model: Readonly<Record<string, unknown>>): string {
  const { requests, cost_usd: usd } = model;
  return [
    typeof requests === 'number' && `${count(requests)} requests`,
    typeof usd === 'number' && cost(usd),
  ]
    .filter(Boolean)
    .join(' · ');
}

function Settings({
  title,
  members,
}: {
  readonly title: string;
  readonly members: Readonly<Record<string, unknown>>;
}): VNode {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <dl class="settings">
        {Object.entries(members).map(([name, value]) => (
          <div key={name}>
            <dt>{name.replaceAll('_', ' ')}</dt>
            <dd>{settingOf(value)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function settingOf(value: unknown): ComponentChildren {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return count(value);
  if (typeof value === 'string' || typeof value === 'boolean') return String(value);
  return <Json value={value} open={0} />;
}
