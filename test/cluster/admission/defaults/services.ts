import { ensureRecord, fill, recordsAt, textAt } from "../../json.ts";
import type { KubeObject } from "../../schema/schema.ts";

export function defaultService(object: KubeObject): void {
  const spec = ensureRecord(object, "spec");
  fill(spec, { type: "ClusterIP", sessionAffinity: "None" });
  const type = textAt(spec, "type");
  if (spec["sessionAffinity"] === "ClientIP") {
    fill(ensureRecord(ensureRecord(spec, "sessionAffinityConfig"), "clientIP"), { timeoutSeconds: 10_800 });
  }
  for (const port of recordsAt(spec, "ports")) {
    fill(port, { protocol: "TCP" });
    fill(port, { targetPort: port["port"] });
  }
  if (type === "ExternalName") return;
  fill(spec, { internalTrafficPolicy: "Cluster" });
  if (type === "NodePort" || type === "LoadBalancer") fill(spec, { externalTrafficPolicy: "Cluster" });
  if (type === "LoadBalancer") fill(spec, { allocateLoadBalancerNodePorts: true });
}

/** What the registry gives to a service once it is accepted: addresses and node ports. */
export function allocateService(object: KubeObject, allocate: { address: () => string; nodePort: () => number }): void {
  const spec = ensureRecord(object, "spec");
  const type = textAt(spec, "type");
  if (type === "ExternalName") return;
  const given = textAt(spec, "clusterIP") ?? "";
  const clusterIP = given === "" ? allocate.address() : given;
  spec["clusterIP"] = clusterIP;
  fill(spec, { clusterIPs: [clusterIP], ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" });
  if (type === "NodePort" || type === "LoadBalancer") {
    for (const port of recordsAt(spec, "ports")) fill(port, { nodePort: allocate.nodePort() });
  }
}
