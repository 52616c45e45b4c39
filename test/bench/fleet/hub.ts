import { join } from "node:path";

import { freePort } from "../../rig/ports.ts";
import { eventually } from "../../system/eventually.ts";
import { startProgram, type Program } from "../../system/program.ts";
import { bundle } from "../bundles.ts";

export interface FleetHub {
  readonly program: Program;
  /** `host:port` of the agents' port. */
  readonly link: string;
  /** Waits until that many targets are current: which none is whose cluster is not connected. */
  reconciled(targets: number): Promise<void>;
}

const patienceMs = 900_000;

/** The shipped hub, on a data folder that is prepared. */
export async function startFleetHub(
  { folder, dataDir, natsUrl }: { readonly folder: string; readonly dataDir: string; readonly natsUrl: string },
  parts: AsyncDisposableStack,
): Promise<FleetHub> {
  const api = `127.0.0.1:${await freePort()}`;
  const link = `127.0.0.1:${await freePort()}`;
  const nats = natsUrl === "" ? [] : ["--nats-url", natsUrl, "--nats-old-broker", "accept"];
  const addresses = ["--data-dir", dataDir, "--api-address", api, "--link-address", link, ...nats];
  const program = parts.use(
    startProgram({
      file: bundle("hub"),
      args: [...addresses, "--log-level", "warn", "--backup-minutes", "0"],
      nodeArgs: nodeArgs(),
      logFile: join(folder, "hub.log"),
      probes: api,
    }),
  );
  await program.ready();
  return {
    program,
    link,
    reconciled: (targets) =>
      eventually(
        async () => {
          const metrics = await (await fetch(`http://${api}/metrics`)).text();
          const current = gauge(metrics, 'drover_targets{state="current"}');
          if (current !== targets) throw new Error(`${current} of ${targets} targets are current`);
        },
        { timeoutMs: patienceMs, intervalMs: 250 },
      ),
  };
}

function gauge(metrics: string, name: string): number {
  const line = metrics.split("\n").find((one) => one.startsWith(`${name} `));
  return Number(line?.slice(name.length));
}

/** What the image sets (deploy/hub.Dockerfile), and what `DROVER_BENCH_NODE_ARGS` adds for profiles. */
function nodeArgs(): readonly string[] {
  const extra = (process.env["DROVER_BENCH_NODE_ARGS"] ?? "").split(" ").filter((flag) => flag !== "");
  return ["--disable-proto=delete", ...extra];
}
