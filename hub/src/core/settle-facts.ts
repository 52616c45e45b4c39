import { noFacts, type ClusterFacts } from "@drover/shared/link/link";

type FactName = keyof ClusterFacts;

/** What the hub knows of one cluster by its agent. */
export interface KnownFacts {
  /** What the agent said last. */
  readonly facts: ClusterFacts;
  /** Since when it has said so, on the hub's clock. */
  readonly factsSinceMs: Readonly<Record<FactName, number>>;
  /** What placements and overrides choose by. */
  readonly settled: ClusterFacts;
}

/** Of a cluster whose agent has not spoken yet. */
export const nothingKnown: KnownFacts = {
  facts: noFacts,
  factsSinceMs: { agentVersion: 0, kubernetesVersion: 0, provider: 0, region: 0, nodes: 0 },
  settled: noFacts,
};

/**
 * A fact counts for placements once it has been the same for this long: agents look twice a minute, and while a control
 * plane is being upgraded they may meet the old and the new version in turn.
 */
export const settleMs = 120_000;

/** A text is cut here: labels hold 63 characters, and what agents say is not trusted to be short. */
const maxLength = 128;

const names = Object.keys(noFacts) as readonly FactName[];

/** Takes down what an agent says now; it counts for placements when `settleFacts` finds it settled. */
export function hearFacts(known: KnownFacts, said: ClusterFacts, nowMs: number): Omit<KnownFacts, "settled"> {
  const facts: ClusterFacts = {
    agentVersion: said.agentVersion.slice(0, maxLength),
    kubernetesVersion: said.kubernetesVersion.slice(0, maxLength),
    provider: said.provider.slice(0, maxLength),
    region: said.region.slice(0, maxLength),
    nodes: said.nodes,
  };
  const since = (name: FactName): number => (facts[name] === known.facts[name] ? known.factsSinceMs[name] : nowMs);
  return { facts, factsSinceMs: eachSince(since) };
}

/**
 * Lets placements see what has been said for `settleMs`, and at once what nothing was known of before. What an agent
 * does not know any more stays as it was: nothing leaves a cluster because an agent could not tell. Returns what it was
 * given when nothing changes.
 */
export function settleFacts(known: KnownFacts, nowMs: number): KnownFacts {
  // A clock that was set back must not make a fact wait for as long again.
  const sinceMs = eachSince((name) => Math.min(known.factsSinceMs[name], nowMs));
  const next: KnownFacts = { ...known, factsSinceMs: sinceMs };
  const settling = unsettled(next).filter((name) => settlesAt(next, name) <= nowMs);
  if (settling.length > 0) {
    return { ...next, settled: { ...known.settled, ...pick(known.facts, settling) } };
  }
  return names.some((name) => sinceMs[name] !== known.factsSinceMs[name]) ? next : known;
}

/** When `settleFacts` has something to do next, if the agent goes on saying the same. */
export function nextSettleMs(known: KnownFacts): number | undefined {
  const times = unsettled(known).map((name) => settlesAt(known, name));
  return times.length === 0 ? undefined : Math.min(...times);
}

/** What placements still go by of the facts that are different by now. */
export function formerFacts(known: KnownFacts): Partial<ClusterFacts> {
  const { facts, settled } = known;
  return pick(
    settled,
    names.filter((name) => isKnown(settled[name]) && settled[name] !== facts[name]),
  );
}

function unsettled({ facts, settled }: KnownFacts): readonly FactName[] {
  return names.filter((name) => isKnown(facts[name]) && facts[name] !== settled[name]);
}

function settlesAt({ factsSinceMs, settled }: KnownFacts, name: FactName): number {
  return factsSinceMs[name] + (isKnown(settled[name]) ? settleMs : 0);
}

function isKnown(value: string | number): boolean {
  return value !== "" && value !== 0;
}

function eachSince(since: (name: FactName) => number): KnownFacts["factsSinceMs"] {
  return {
    agentVersion: since("agentVersion"),
    kubernetesVersion: since("kubernetesVersion"),
    provider: since("provider"),
    region: since("region"),
    nodes: since("nodes"),
  };
}

function pick(facts: ClusterFacts, wanted: readonly FactName[]): Partial<ClusterFacts> {
  return Object.fromEntries(wanted.map((name) => [name, facts[name]]));
}
