import { createLog } from "@drover/shared/log";
import { runAll, runMain } from "@drover/shared/service";
import { keepHeapSmall } from "@drover/shared/small-heap";
import { createSteadyClock } from "@drover/shared/steady-clock";

import { accessSource, agentHelp, loadAgentConfig, processSources } from "./config.ts";
import { openAgent } from "./open-agent.ts";
import { createProbes } from "./probes.ts";

keepHeapSmall();
const sources = processSources();
if (sources.argv.includes("--help")) {
  process.stdout.write(agentHelp);
  process.exit(0);
}
const bootLog = createLog("agent", "info");
const clock = createSteadyClock({
  jumped: (byMs) =>
    bootLog.error({ byMs }, byMs === 0 ? "the clock is right again" : "the clock jumped: restart if it is right"),
});
await runMain(
  async (signal) => {
    const config = loadAgentConfig(sources);
    const log = createLog("agent", config.logLevel);
    const outside = { clock, random: Math.random, log };
    const agent = await openAgent(config, { ...outside, access: accessSource(config, sources) }, signal);
    const { probeHost: host, probePort: port } = config;
    const probes = port === 0 ? [] : [createProbes({ host, port, ready: () => agent.ready, metrics: agent.metrics })];
    await runAll([agent, ...probes], signal);
  },
  { log: bootLog },
);
