import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";

import { startCluster } from "./cluster.ts";

/** Runs one embedded cluster until Ctrl-C: `node test/cluster/main.ts [--name N] [--port P] [--kubeconfig FILE]`. */
const { values } = parseArgs({
  options: {
    name: { type: "string", default: "embedded" },
    port: { type: "string", default: "0" },
    "ready-delay-ms": { type: "string", default: "500" },
    kubeconfig: { type: "string" },
  },
});

const cluster = await startCluster({
  name: values.name,
  port: Number(values.port),
  readyDelayMs: Number(values["ready-delay-ms"]),
});
const kubeconfig = cluster.kubeconfig();
if (values.kubeconfig === undefined) process.stdout.write(kubeconfig);
else await writeFile(values.kubeconfig, kubeconfig, { mode: 0o600 });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void cluster.close());
