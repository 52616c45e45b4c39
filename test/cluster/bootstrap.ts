import { defaultBindings, defaultRoles } from "./authorization/default-roles.ts";
import type { ClusterState } from "./cluster-state.ts";
import { nodeName } from "./controllers/pods.ts";
import { requireBuiltin } from "./resources/kinds.ts";
import { insert } from "./resources/write.ts";

const manager = "kube-apiserver";

/** What a new cluster holds before anybody writes to it: namespaces, default roles, one node, the API server's service. */
export function bootstrap(state: ClusterState, systemUid: string): void {
  const namespaces = requireBuiltin("", "v1", "namespaces");
  for (const name of ["default", "kube-node-lease", "kube-public", "kube-system"]) {
    // The uid of kube-system is what programs take for the identity of a cluster.
    const uid = name === "kube-system" ? systemUid : state.newUid();
    const owned = { ...state, newUid: () => uid };
    insert(
      owned,
      { kind: namespaces, manager, dryRun: false, tracking: "update" },
      { apiVersion: "v1", kind: "Namespace", metadata: { name } },
    );
  }
  const rbac = "rbac.authorization.k8s.io";
  for (const [plural, objects] of [
    ["clusterroles", defaultRoles],
    ["clusterrolebindings", defaultBindings],
  ] as const) {
    const kind = requireBuiltin(rbac, "v1", plural);
    for (const object of objects) insert(state, { kind, manager, dryRun: false, tracking: "update" }, object);
  }
  insert(
    state,
    { kind: requireBuiltin("", "v1", "nodes"), manager: "kubelet", dryRun: false, tracking: "update" },
    { apiVersion: "v1", kind: "Node", metadata: { name: nodeName, labels: nodeLabels }, status: nodeStatus(state) },
  );
  insert(
    state,
    { kind: requireBuiltin("", "v1", "services"), manager, dryRun: false, tracking: "update" },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        name: "kubernetes",
        namespace: "default",
        labels: { component: "apiserver", provider: "kubernetes" },
      },
      spec: { clusterIP: "10.0.0.1", ports: [{ name: "https", port: 443, targetPort: 6443 }] },
    },
  );
}

const nodeLabels = { "kubernetes.io/hostname": nodeName, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" };

function nodeStatus(state: ClusterState): unknown {
  const capacity = { cpu: "8", memory: "32Gi", pods: "110", "ephemeral-storage": "100Gi" };
  return {
    capacity,
    allocatable: capacity,
    addresses: [{ type: "InternalIP", address: "127.0.0.1" }],
    conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "embedded node" }],
    nodeInfo: {
      kubeletVersion: state.settings.gitVersion,
      osImage: "embedded",
      operatingSystem: "linux",
      architecture: "amd64",
      kernelVersion: "",
      containerRuntimeVersion: "",
      kubeProxyVersion: "",
      machineID: "",
      systemUUID: "",
      bootID: "",
    },
  };
}
