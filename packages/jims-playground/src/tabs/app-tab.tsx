import type { ComponentChildren, VNode } from 'preact';

import { Json } from '../parts/json-view.tsx';
import { Problem } from '../parts/problem.tsx';
import { count, countOf } from '../parts/quantities.ts';
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
        <h3>{app.name ?? 'An app without a name'}</h3>
        {app.description !== null && <p>{app.description}</p>}
        <p class="soft">
          {app.version !== null && `version ${app.version} · `}JIMS {app.jims} ·{' '}
          {app.durable ? 'durable' : 'not durable'} · pipelines {app.pipelines.join(', ')} ·{' '}
          <a href={new URL('docs', base).href}>API</a> ·{' '}
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
                <span class="soft">{docs}</span>
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
        {models.map(({ model, requests, prompt_tokens: prompt, completion_tokens: completion }) => (
          <li key={model}>
            <div class="protocol-line">
              <strong>{model}</strong>
              <span class="soft">
                {countOf(requests, 'request')} · {countOf(prompt + completion, 'token')}
              </span>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
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
