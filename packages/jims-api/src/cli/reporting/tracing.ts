import type { Logger } from 'jims-core';
import { onTracingFault } from 'jims-core/host';

import { isJsonObject } from '../../http/json-object.ts';
import { RepeatLimit } from '../../server/repeat-limit.ts';
import { optionalPackage } from '../optional-package.ts';

/** True when one of OpenTelemetry's variables asks for traces to be sent somewhere. */
export function tracingIsAskedFor(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  const exporter = env['OTEL_TRACES_EXPORTER'];
  if (exporter) return exporter !== 'none';
  return Boolean(env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']);
}

/** The last spans get so long: a collector that hangs is not to hold up the end of the process. */
const FLUSH_MS = 3000;
/** A collector that is away fails every export: one line in so many milliseconds. */
const REPEAT_MS = 60_000;

/**
 * Sends traces as OpenTelemetry's variables say, and logs when they cannot be sent. Resolves with what
 * sends the rest before the process ends. Changes variables that are not set: to be called before
 * anything reads them.
 *
 * @throws PackageMissingError when the package is not installed.
 */
export async function startTracing(
  env: NodeJS.ProcessEnv,
  logger: Logger,
): Promise<() => Promise<void>> {
  const { NodeSDK } = await optionalPackage(
    '@opentelemetry/sdk-node',
    'Sending traces, as OTEL_* asks,',
    () => import('@opentelemetry/sdk-node'),
  );
  env['OTEL_SERVICE_NAME'] ??= 'jims-api';
  env['OTEL_METRICS_EXPORTER'] ??= 'none';
  env['OTEL_LOGS_EXPORTER'] ??= 'none';
  // Without the process: its command line may have a key in it.
  env['OTEL_NODE_RESOURCE_DETECTORS'] ??= 'env,host';
  // The SDK would answer this one by a logger of its own, which writes to the console.
  delete env['OTEL_LOG_LEVEL'];
  const sdk = new NodeSDK();
  sdk.start();
  await onTracingFault(faultLog(logger));
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

/** Logs what the SDK could not do. */
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
