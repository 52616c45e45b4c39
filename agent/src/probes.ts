import { once } from "node:events";
import { createServer } from "node:http";

import type { Metrics } from "@drover/shared/metrics";
import type { Service } from "@drover/shared/service";
import { untilAborted } from "@drover/shared/until-aborted";

export interface ProbeOptions {
  readonly host: string;
  readonly port: number;
  readonly ready: () => boolean;
  readonly metrics: Metrics;
}

/** `/healthz`, `/readyz` and `/metrics` for the kubelet and for Prometheus. */
export function createProbes({ host, port, ready, metrics }: ProbeOptions): Service {
  const answers: Readonly<Record<string, () => readonly [status: number, body: string]>> = {
    "/healthz": () => [200, "ok\n"],
    "/readyz": () => (ready() ? [200, "ok\n"] : [503, "not ready\n"]),
    "/metrics": () => [200, metrics.render()],
  };
  return {
    name: "probes",
    async run(signal) {
      const server = createServer((request, response) => {
        const [status, body] = answers[request.url ?? ""]?.() ?? [404, "not found\n"];
        response.writeHead(status, { "content-type": "text/plain; version=0.0.4" }).end(body);
      });
      try {
        server.listen(port, host);
        await once(server, "listening", { signal });
        await untilAborted(signal);
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
  };
}
