import type { Logger } from 'jims-core';
import { onTracingFault } from 'jims-core/host';

import { isJsonObject } from '../../http/json-object.ts';
import { RepeatLimit } from '../../server/repeat-limit.ts';
import { optionalPackage } from './optional-package.ts';

/** True when OpenTelemetry's variables say where to send traces. */
export function tracingIsRequested(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  const exporter = env['OTEL_TRACES_EXPORTER'];
  if (exporter) return exporter !== 'none';
  return Boolean(env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']);
}

/** How long the last spans get: a collector that hangs must not hold up the end of the process. */
const FLUSH_MS = 3000;
/** A collector that is away fails every export: log at most one line in this time. */
const REPEAT_MS = 60_000;

/**
 * Sends traces as OpenTelemetry's variables say, and logs when they cannot be sent. Resolves with a
 * function that sends the last ones. Sets variables that are not set: call it before anything reads them.
 *
 * @throws PackageMissingError when the package is not installed.
 */
export async function startTracing(
  env: NodeJS.ProcessEnv,
  logger: Logger,
): Promise<() => Promise<void>> {
  const { NodeSDK } = await optionalPackage(
    '@opentelemetry/sdk-node',
    'Sending traces, as the OTEL_* variables request,',
    () => import('@opentelemetry/sdk-node'),
  );
  env['OTEL_SERVICE_NAME'] ??= 'jims-api';
  env['OTEL_METRICS_EXPORTER'] ??= 'none';
  env['OTEL_LOGS_EXPORTER'] ??= 'none';
  // Not the process: its command line may contain a key.
  env['OTEL_NODE_RESOURCE_DETECTORS'] ??= 'env,host';
  // With this variable the SDK would use a logger of its own, which writes to the console.
  delete env['OTEL_LOG_LEVEL'];
  // First, as the SDK reports wrong variables while it starts.
  await onTracingFault(faultLog(logger));
  const sdk = new NodeSDK();
  sdk.start();
  return async () => {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`the collector took longer than ${FLUSH_MS} ms`)),
      FLUSH_MS,
    );
    try {
      await Promise.race([sdk.shutdown(), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };
}

/** Logs what the SDK reports as failed. */
function faultLog(logger: Logger): (message: string) => void {
  const limit = new RepeatLimit(REPEAT_MS);
  return (message) => {
    const repeated = limit.pass();
    if (repeated) logger.warn({ reason: reasonIn(message), ...repeated }, 'traces cannot be sent');
  };
}

/** The SDK writes an error as JSON, with its stack. */
function reasonIn(message: string): string {
  try {
    const error: unknown = JSON.parse(message);
    if (!isJsonObject(error)) return message;
    const { name, message: text, code } = error;
    return [name, code, text].filter(Boolean).join(': ');
  } catch {
    return message;
  }
}
