import { writeSync } from "node:fs";

import { openSqliteStore } from "./sqlite.ts";
import { clusterDefaults } from "./store.ts";

/** For `kill.test.ts`: makes decisions for as long as it lives, and says the number of each once it is acknowledged. */
const store = openSqliteStore(process.argv[2] ?? "");
if (store.cluster("dev-1") === undefined) store.putCluster({ ...clusterDefaults, name: "dev-1" });
for (;;) {
  // What a change of one target does: a record and a higher generation, in one transaction.
  store.assign({ put: [], forget: [{ app: "web", cluster: "dev-1" }], blobs: new Map() });
  writeSync(1, `${store.cluster("dev-1")?.generation}\n`);
}
