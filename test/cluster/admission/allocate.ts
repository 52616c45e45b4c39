import type { ClusterState } from "../cluster-state.ts";
import type { Cause } from "../http/status.ts";
import { numberAt, recordAt, recordsAt, textAt } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";
import { invalidValue } from "./causes.ts";
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

/** What a service asks for by itself and cannot have. */
export function checkAllocation(state: ClusterState, kind: ServedKind, object: KubeObject): Cause[] {
  if (kind.collection !== "/services") return [];
  const { name, namespace } = object.metadata;
  const others = state.store
    .collection("/services")
    .list()
    .filter(({ metadata }) => metadata.name !== name || metadata.namespace !== namespace);
  const ports = new Set(others.flatMap(nodePorts));
  const causes = recordsAt(object, "spec", "ports").flatMap((port, i) => {
    const nodePort = numberAt(port, "nodePort");
    const field = `spec.ports[${i}].nodePort`;
    if (nodePort === undefined || nodePort === 0) return [];
    if (nodePort < firstNodePort || nodePort >= firstNodePort + nodePortCount) {
      const range = `${firstNodePort}-${firstNodePort + nodePortCount - 1}`;
      const why = `provided port is not in the valid range. The range of valid ports is ${range}`;
      return [invalidValue(field, nodePort, why)];
    }
    return ports.has(nodePort) ? [invalidValue(field, nodePort, "provided port is already allocated")] : [];
  });
  const address = textAt(object, "spec", "clusterIP") ?? "";
  const isTaken = others.some((service) => textAt(service, "spec", "clusterIP") === address);
  if (address === "" || address === "None" || !isTaken) return causes;
  const why = `failed to allocate IP ${address}: provided IP is already allocated`;
  return [...causes, invalidValue("spec.clusterIPs", [address], why)];
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
