import type { ClusterFacts } from "@drover/shared/link/link";

/** Labels that say what an agent has found out about its cluster. Nobody else can set them. */
export const factPrefix = "facts.drover.dev/";

/**
 * Facts as labels for selectors: `facts.drover.dev/kubernetes-version`, `kubernetes-minor` (`1.31`), `provider`, `region`,
 * `nodes` and `agent-version`. Characters that a label may not hold become `_`. None before the agent has spoken.
 */
export function factLabels(known: ClusterFacts): Readonly<Record<string, string>> {
  const { agentVersion, kubernetesVersion, provider, region, nodes } = known;
  const minor = /^v?(?<minor>\d+\.\d+)/u.exec(kubernetesVersion)?.groups?.["minor"] ?? "";
  const facts = {
    "agent-version": agentVersion,
    "kubernetes-version": kubernetesVersion,
    "kubernetes-minor": minor,
    provider,
    region,
    nodes: agentVersion === "" ? "" : String(nodes),
  };
  return Object.fromEntries(
    Object.entries(facts)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => [`${factPrefix}${name}`, asLabelValue(value)]),
  );
}

function asLabelValue(text: string): string {
  return text
    .replaceAll(/[^-A-Za-z0-9_.]/gu, "_")
    .slice(0, 63)
    .replaceAll(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/gu, "");
}
