import { once } from "node:events";
import { parseArgs } from "node:util";

import { startControlPlane } from "./control-plane.ts";

const { values } = parseArgs({ options: { nodes: { type: "string", default: "1" } } });
await using plane = await startControlPlane({ name: "rig", nodes: Number(values.nodes) });
process.stdout.write(`export KUBECONFIG=${plane.kubeconfigPath}\nCtrl-C ends it.\n`);
await once(process, "SIGINT");
