/** Sends a server's spans to a collector. Loaded with `--traces` alone. */
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node'

/** A collector that does not answer delays the end of the server by this. */
const timeoutMillis = 2_000

/**
 * Registers a provider with OpenTelemetry's API, which the service's spans go through.
 * @param url of the collector's route for traces: OTLP over HTTP
 * @returns sends what is left, and ends
 */
export function startTracing(url: string): () => Promise<void> {
  const provider = new NodeTracerProvider({
    resource: resourceFromAttributes({ 'service.name': process.env.OTEL_SERVICE_NAME ?? 'headwater' }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis }))],
  })
  provider.register()
  // A server does not fail because its last spans are lost.
  return () => provider.shutdown().catch(() => {})
}
