import type { Digest } from "@drover/shared/digest";
import type { Assignments } from "@drover/shared/link/link";

/** What clocks of different machines may differ by (security-reliability §2.2). */
export const clockToleranceMs = 5 * 60_000;
/** An envelope further ahead than this is no news but an attempt to leave no room for any (fast-forward, T30). */
export const maxJump = 1_000_000;

/** Who the agent is, as envelopes name it. */
export interface Audience {
  readonly cluster: string;
  readonly clusterUid: string;
}

/** What was accepted last, as far as it decides about what comes next. */
export interface Accepted {
  /** "" when nothing was. */
  readonly epoch: string;
  readonly generation: number;
  readonly history: readonly Digest[];
  /** Digest of what it says is to run and to go; asked for when a generation comes a second time. */
  readonly content: () => Digest;
  /** Epochs before this one, oldest first: nothing of them is taken again. */
  readonly pastEpochs: readonly string[];
  /** The latest time that something accepted was issued at, as far as our own clock could believe it. */
  readonly floorMs: number;
}

export type Offer = Pick<
  Assignments,
  "cluster" | "clusterUid" | "epoch" | "generation" | "history" | "issuedAtMs" | "freshForMs"
> &
  Pick<Accepted, "content">;

/** Why an envelope whose signature holds is not taken, in one sentence; undefined when it is. */
export function refusalOf(offer: Offer, audience: Audience, accepted: Accepted): string | undefined {
  return foreign(offer, audience) ?? (offer.epoch === accepted.epoch ? older(offer, accepted) : left(offer, accepted));
}

function foreign({ cluster, clusterUid }: Offer, audience: Audience): string | undefined {
  if (cluster !== audience.cluster) return `they are for cluster "${cluster}", this is "${audience.cluster}"`;
  if (clusterUid === "" || clusterUid === audience.clusterUid) return undefined;
  return `they are for the cluster with kube-system uid ${clusterUid}, this is ${audience.clusterUid}`;
}

/** Within one epoch generations only go up, step by step, and each is one content. */
function older(offer: Offer, accepted: Accepted): string | undefined {
  const { generation, epoch } = offer;
  const ahead = generation - accepted.generation;
  if (ahead < 0) return `generation ${generation} is older than the accepted ${accepted.generation}`;
  if (ahead > maxJump) return `generation ${generation} is more than ${maxJump} ahead of ${accepted.generation}`;
  if (ahead === 0 && offer.content() !== accepted.content()) {
    return `generation ${generation} of epoch "${epoch}" was accepted with other content`;
  }
  // What the hub counts on from has to be what was accepted, as far back as it tells.
  const [own] = accepted.history;
  const theirs = offer.history[ahead];
  if (own === undefined || theirs === undefined || own === theirs) return undefined;
  return `generation ${accepted.generation} of epoch "${epoch}" is another one for this hub: two count on from one store`;
}

/** Another epoch begins anywhere, but is never one from before. */
function left({ epoch, issuedAtMs }: Offer, { epoch: present, pastEpochs, floorMs }: Accepted): string | undefined {
  if (pastEpochs.includes(epoch)) return `epoch "${epoch}" came before the accepted "${present}"`;
  if (present === "" || issuedAtMs >= floorMs - clockToleranceMs) return undefined;
  return `epoch "${epoch}" was issued before what was accepted of "${present}"`;
}

/** A hub begins an epoch when its store is lost, which is rare: this only bounds the list. What drops out is too old. */
const maxPastEpochs = 100;

/** What counts once an offer was taken. */
export function acceptOffer(offer: Offer, accepted: Accepted, nowMs: number): Accepted {
  const { epoch, generation, history, content, issuedAtMs } = offer;
  const isLeft = accepted.epoch !== "" && accepted.epoch !== epoch;
  const pastEpochs = isLeft ? [...accepted.pastEpochs, accepted.epoch].slice(-maxPastEpochs) : accepted.pastEpochs;
  // A hub whose clock runs ahead must not keep out what comes after it was set right (R22).
  const floorMs = Math.max(accepted.floorMs, Math.min(issuedAtMs, nowMs + clockToleranceMs));
  return { epoch, generation, history, content, pastEpochs, floorMs };
}
