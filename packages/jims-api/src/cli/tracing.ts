import { optionalPackage } from './optional-package.ts';

/** True when one of OpenTelemetry's variables asks for traces to be sent somewhere. */
export function tracingIsAskedFor(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return false;
  const exporter = env['OTEL_TRACES_EXPORTER'];
  if (exporter) return exporter !== 'none';
  return Boolean(env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']);
}

/**
 * Sends traces as OpenTelemetry's variables say. Resolves with what sends the rest before the
 * process ends. Changes variables that are not set: to be called before anything reads them.
 *
 * @throws PackageMissingError when the package is not installed.
 */
export async function startTracing(env: NodeJS.ProcessEnv): Promise<() => Promise<void>> {
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
  const sdk = new NodeSDK();
  sdk.start();
  return () => sdk.shutdown();
}
