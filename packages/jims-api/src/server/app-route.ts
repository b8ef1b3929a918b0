import { MAX_MESSAGE_FILES } from 'jims-core';
import type { FileLimits, JimsApp, RunLimits } from 'jims-core';
import { pipelineName } from 'jims-core/host';
import * as v from 'valibot';

import { notFound } from '../http/errors.ts';
import { jsonObject } from '../http/fastapi/fields.ts';
import { json } from '../http/json-answer.ts';
import type { ApiContext, Route } from '../http/route.ts';
import { PROTOCOLS } from '../protocols/registry.ts';
import type { ProtocolName } from '../protocols/registry.ts';
import { packageVersion } from '../version.ts';

/** What the program that serves the app has decided. */
export interface AppRouteOptions {
  readonly protocols: readonly ProtocolName[];
  /** Whether the playground is served. */
  readonly playground: boolean;
  /** Of an app that is being developed: what there is to say about that. */
  readonly dev: Readonly<Record<string, unknown>> | undefined;
}

const words = v.pipe(v.nullable(v.string()), v.description('As the app says'));

const AppResource = v.pipe(
  v.object({
    name: words,
    description: words,
    version: words,
    jims: v.pipe(v.string(), v.description('The version of JIMS')),
    durable: v.pipe(v.boolean(), v.description('Whether runs go on in another process')),
    pipelines: v.pipe(
      v.array(v.string()),
      v.description('The names of its functions; the second one is the conversation start'),
    ),
    protocols: v.array(
      v.object({
        name: v.pipe(v.string(), v.description('As in `--protocols`')),
        title: v.string(),
        addresses: v.pipe(v.array(v.string()), v.description('The paths that it answers')),
        docs: v.pipe(v.string(), v.description('Its documentation in the repository')),
      }),
    ),
    models: v.pipe(
      v.array(
        v.object({
          model: v.string(),
          requests: v.number(),
          prompt_tokens: v.number(),
          completion_tokens: v.number(),
        }),
      ),
      v.description('That this process has used since it began'),
    ),
    limits: v.pipe(jsonObject, v.description('Of runs and of bodies; times in milliseconds')),
    files: v.pipe(jsonObject, v.description('The limits of files')),
    playground: v.pipe(v.boolean(), v.description('Whether the playground is served at `/`')),
    dev: v.pipe(v.nullable(jsonObject), v.description('Only while the app is being developed')),
  }),
  v.title('App'),
);

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
  { protocols, playground, dev }: AppRouteOptions,
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
    dev: dev ?? null,
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
