import type { ObjectKey } from "@drover/shared/kube/manifest";

/** The agent in its cluster, as its join manifest names it. */
export interface Self {
  /** Of its own objects. */
  readonly namespace: string;
  /** Of its service account, and of what gives it its rights. */
  readonly name: string;
}

/**
 * Whether an object is part of the agent itself: its namespace with everything in it, and its cluster-wide rights (E75).
 * No bundle writes or prunes those: an agent that takes itself away tells nobody, and cannot be brought back by its hub.
 */
export function isPartOf({ namespace: home, name: own }: Self, { group, kind, namespace, name }: ObjectKey): boolean {
  if (namespace !== "") return namespace === home;
  if (group === "") return kind === "Namespace" && name === home;
  const grants = kind === "ClusterRole" || kind === "ClusterRoleBinding";
  return group === "rbac.authorization.k8s.io" && grants && (name === own || name === `${own}-admin`);
}

/** What is said of such an object where a bundle has it, and where one has had it. */
export const protectedObject = {
  reason: "AgentProtected",
  message: "it is part of the agent, which no bundle may change: take it out of the application",
} as const;
