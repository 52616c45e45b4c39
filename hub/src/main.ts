import { formatOptions } from "@drover/shared/config";
import { createLog } from "@drover/shared/log";
import { runMain } from "@drover/shared/service";
import { keepHeapSmall } from "@drover/shared/small-heap";
import { createSteadyClock } from "@drover/shared/steady-clock";

import { hubOptions, loadHubConfig, processSources } from "./config.ts";
import { createHub, hubVersion, keyFile, storeFile } from "./hub.ts";
import { restoreBackup } from "./store/backups.ts";
import { addStoreKey } from "./store/store-keys.ts";

/** From this many clusters on, what a small heap costs (twice the work for a change) is more than it saves. */
const largeFleet = 200;
const sources = processSources();
if (sources.argv.includes("--help")) {
  process.stdout.write(`The Drover hub, version ${hubVersion}\n\n${formatOptions(hubOptions)}\n`);
  process.exit(0);
}
const log = createLog("hub", "info");
const clock = createSteadyClock({
  jumped: (byMs) =>
    log.error({ byMs }, byMs === 0 ? "the clock is right again" : "the clock jumped: restart if it is right"),
});
await runMain(
  async (signal) => {
    const config = loadHubConfig(sources);
    log.level = config.logLevel;
    if (config.newStoreKey === "yes") {
      log.info({ key: addStoreKey(keyFile(config)).id }, "there is a new store key, which the hub takes by itself");
      return;
    }
    if (config.restore !== "") {
      const aside = await restoreBackup(config.restore, storeFile(config), clock.now(), keyFile(config));
      log.info({ aside }, "restored; what was there is moved aside, and agents wait for: drover recovery confirm");
      return;
    }
    const deps = { clock, random: Math.random, log, environment: sources.env };
    const hub = await createHub(config, deps, signal);
    // Agents speak only to a hub that has the time which they have.
    clock.notBefore(hub.heardAtMs);
    if (hub.clusters < largeFleet) keepHeapSmall();
    await hub.run((addresses) => log.info(addresses, "ready"), signal);
  },
  { log },
);
