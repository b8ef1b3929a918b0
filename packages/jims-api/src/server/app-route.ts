import { MAX_MESSAGE_FILES } from 'jims-core';
import type { FileLimits, JimsApp, RunLimits } from 'jims-core';
import { pipelineName } from 'jims-core/host';
import * as v from 'valibot';

import { notFound } from '../http/errors.ts';
import { jsonObject } from '../http/fastapi/fields.ts';
import { json } from '../http/json-answer.ts';
import type { ApiContext, Route } from '../http/route.ts';
import { described, titled } from '../http/schema.ts';
import { PROTOCOLS } from '../protocols/registry.ts';
import type { ProtocolName } from '../protocols/registry.ts';
import { packageVersion } from '../version.ts';
import type { CodeFeed } from './code-feed.ts';

/** What the program that serves the app has decided. */
export interface AppRouteOptions {
  readonly protocols: readonly ProtocolName[];
  /** Whether the playground is served. */
  readonly playground: boolean;
  /** How the code is doing, of an app that is being developed. */
  readonly code: CodeFeed | undefined;
}

const words = described(v.nullable(v.string()), 'As the app says');

const AppResource = titled('App', {
  name: words,
  description: words,
  version: words,
  jims: described(v.string(), 'The version of JIMS'),
  durable: described(v.boolean(), 'Whether runs go on in another process'),
  pipelines: described(
    v.array(v.string()),
    'The names of its functions; the second one is the conversation start',
  ),
  protocols: v.array(
    v.object({
      name: described(v.string(), 'As in `--protocols`'),
      title: v.string(),
      addresses: described(v.array(v.string()), 'The paths that it answers'),
      docs: described(v.string(), 'Its documentation in the repository'),
    }),
  ),
  models: described(
    v.array(
      v.object({
        model: v.string(),
        requests: v.number(),
        prompt_tokens: v.number(),
        completion_tokens: v.number(),
      }),
    ),
    'That this process has used since it began',
  ),
  limits: described(jsonObject, 'Of runs and of bodies; times in milliseconds'),
  files: described(jsonObject, 'The limits of files'),
  playground: described(v.boolean(), 'Whether the playground is served at `/`'),
  dev: described(v.nullable(jsonObject), 'Only with `jims-api dev`: what `/api/v1/dev` says last'),
});

type AppResource = v.InferOutput<typeof AppResource>;

/** What the app is, and what it can do here. */
export function appRoute(options: AppRouteOptions): Route {
  return {
    method: 'GET',
    path: '/api/v1/app',
    doc: {
      operationId: 'get_app',
      summary: 'The app: its pipelines, protocols, models and limits',
      description: 'For services.',
      tags: ['service'],
      responses: { 200: { description: 'The app', schema: AppResource } },
      errors: [401, 404, 503],
    },
    contactless: true,
    async handle(api, call) {
      if (call.principal.kind !== 'service') throw notFound();
      return json(call, await appResource(api, options));
    },
  };
}

async function appResource(
  api: ApiContext,
  { protocols, playground, code }: AppRouteOptions,
): Promise<AppResource> {
  const { app } = api;
  const { name = null, description = null, version = null, durable } = app;
  const { runs, files } = await app.limits();
  const pipelines = [app.pipeline, app.conversationStartPipeline];
  return {
    name,
    description,
    version,
    jims: packageVersion(),
    durable,
    pipelines: pipelines.flatMap((pipeline) => (pipeline ? pipelineName(pipeline) : [])),
    protocols: [JIMS, ...protocols.map(protocolOf)],
    models: await modelsOf(app),
    limits: limitsOf(runs, api),
    files: fileLimitsOf(files),
    playground,
    dev: code?.state ? { ...code.state } : null,
  };
}

const JIMS: AppResource['protocols'][number] = {
  name: 'jims',
  title: 'JIMS',
  addresses: ['/api/v1'],
  docs: 'docs/http-api.md',
};

function protocolOf(name: ProtocolName): AppResource['protocols'][number] {
  const { title, prefixes } = PROTOCOLS[name];
  return { name, title, addresses: [...prefixes], docs: `docs/protocols/${name}.md` };
}

function limitsOf(runs: RunLimits, api: ApiContext): AppResource['limits'] {
  return {
    max_runs: runs.maxRuns,
    max_runs_per_caller: runs.maxRunsPerCaller ?? null,
    queue_limit: runs.queueLimit,
    on_busy: runs.onBusy,
    run_timeout_ms: runs.timeoutMs,
    max_output_bytes: runs.maxOutputBytes,
    max_thread_bytes: runs.maxThreadSize,
    retention_ms: runs.retentionMs ?? null,
    question_ttl_ms: runs.questionTtlMs,
    max_body_bytes: api.maxBodyBytes,
    max_message_bytes: api.maxMessageBytes,
    max_config_bytes: api.maxConfigBytes,
  };
}

function fileLimitsOf(files: FileLimits): AppResource['files'] {
  return {
    max_files: MAX_MESSAGE_FILES,
    max_file_bytes: files.maxFileBytes,
    max_contact_bytes: files.maxContactFileBytes,
    types: files.fileTypes,
  };
}

/** The counters of the metrics, by model. */
const COUNTERS = {
  llm_calls_total: 'requests',
  llm_usage_prompt_tokens_total: 'prompt_tokens',
  llm_usage_completion_tokens_total: 'completion_tokens',
} as const;

async function modelsOf(app: JimsApp): Promise<AppResource['models']> {
  const registry = await app.metrics.registry();
  const models = new Map<string, AppResource['models'][number]>();
  for (const [name, member] of Object.entries(COUNTERS)) {
    const { values = [] } = (await registry.getSingleMetric(name)?.get()) ?? {};
    for (const { labels, value } of values) {
      const model = String(labels['model']);
      const none = { model, requests: 0, prompt_tokens: 0, completion_tokens: 0 };
      models.set(model, { ...none, ...models.get(model), [member]: value });
    }
  }
  return [...models.values()];
}
