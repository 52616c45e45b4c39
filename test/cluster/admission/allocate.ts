import type { ClusterState } from "../cluster-state.ts";
import { numberAt, recordAt, recordsAt, textAt } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";
import { allocateService } from "./defaults/services.ts";

const firstNodePort = 30_000;
const nodePortCount = 2768;
const addressCount = 65_000;

/** Gives what the registry hands out: cluster addresses and node ports. On updates, what the service has is kept. */
export function allocate(state: ClusterState, kind: ServedKind, object: KubeObject, live?: KubeObject): void {
  if (kind.collection !== "/services") return;
  if (live !== undefined) keepAllocated(live, object);
  const services = state.store.collection("/services").list();
  const addresses = new Set(services.map((service) => textAt(service, "spec", "clusterIP")));
  const ports = new Set(services.flatMap(nodePorts));
  allocateService(object, {
    address: () => firstFree(addressCount, (i) => `10.0.${i >>> 8}.${(i & 255) + 1}`, addresses),
    nodePort: () => firstFree(nodePortCount, (i) => firstNodePort + i, ports),
  });
}

/** A client that sends a service without its address means the one it has. */
function keepAllocated(live: KubeObject, object: KubeObject): void {
  const before = recordAt(live, "spec") ?? {};
  const spec = recordAt(object, "spec");
  if (spec === undefined || spec["type"] === "ExternalName") return;
  for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "healthCheckNodePort"]) {
    if (spec[field] === undefined && before[field] !== undefined) spec[field] = before[field];
  }
  if (spec["type"] !== "NodePort" && spec["type"] !== "LoadBalancer") return;
  for (const port of recordsAt(spec, "ports")) {
    const same = recordsAt(before, "ports").find(
      (each) => each["port"] === port["port"] && each["protocol"] === port["protocol"],
    );
    const nodePort = numberAt(same, "nodePort");
    if (port["nodePort"] === undefined && nodePort !== undefined) port["nodePort"] = nodePort;
  }
}

function nodePorts(service: KubeObject): number[] {
  return recordsAt(service, "spec", "ports").flatMap((port) => numberAt(port, "nodePort") ?? []);
}

function firstFree<T>(count: number, nth: (i: number) => T, taken: Set<T | undefined>): T {
  for (let i = 0; i < count; i += 1) {
    const candidate = nth(i);
    if (!taken.has(candidate)) {
      taken.add(candidate);
      return candidate;
    }
  }
  throw new Error("range is full");
}
