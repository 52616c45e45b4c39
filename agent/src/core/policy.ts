import type { Digest } from "@drover/shared/digest";
import type { ObjectKey } from "@drover/shared/kube/manifest";

import { isPartOf, type Self } from "./self.ts";

/** What a cluster lets its agent do, whatever its hub says. Read from a file beside the agent, and from nowhere else. */
export interface Policy {
  /** Of its text; "" when there is none. */
  readonly digest: Digest;
  readonly namespaces: Rule;
  /** `Deployment.apps`, `ConfigMap`. */
  readonly kinds: Rule;
  readonly prune: PruneLimit;
  /** Who has to sign new content, outside of the hub; undefined = nobody. */
  readonly signatures: SignatureRule | undefined;
  /** Nothing new is taken and nothing deleted; what is there is healed. */
  readonly freeze: boolean;
  /** Why the file cannot be read; "" when it can. Counts as a freeze. */
  readonly fault: string;
}

/** Patterns in which `*` stands for any text. What is denied is denied, whatever else allows it. */
export interface Rule {
  /** undefined = everything. */
  readonly allow: readonly string[] | undefined;
  readonly deny: readonly string[];
}

/** How many objects may be deleted within a time; undefined = as many as the hub says. */
export interface PruneLimit {
  /** Of one application. */
  readonly objects: number | undefined;
  /** Of what one application has, from 0 to 100; of no account when the whole of it is removed. */
  readonly percent: number | undefined;
  /** Of all applications together. */
  readonly total: number | undefined;
  readonly withinMs: number;
}

/** So many of these keys have to sign each new bundle of these applications. */
export interface SignatureRule {
  readonly required: number;
  /** By the name of who has it; as `trust/release` writes them. */
  readonly keys: Readonly<Record<string, string>>;
  /** Patterns of names. */
  readonly applications: readonly string[];
}

const everything: Rule = { allow: undefined, deny: [] };

/** Of a cluster that sets none. */
export const noPolicy: Policy = {
  digest: "",
  namespaces: everything,
  kinds: everything,
  prune: { objects: undefined, percent: undefined, total: undefined, withinMs: 3_600_000 },
  signatures: undefined,
  freeze: false,
  fault: "",
};

export function isFrozen({ freeze, fault }: Policy): boolean {
  return freeze || fault !== "";
}

/** In the place of a namespace, for what belongs to none. */
export const noNamespace = "@cluster";

/**
 * Why an object is neither written nor deleted, in one sentence; undefined when it may be. A namespace counts as in
 * itself. With a policy, what the agent itself is made of is out of bounds: who changes that, changes the policy.
 */
export function forbiddenBy(policy: Policy, key: ObjectKey, self: Self): string | undefined {
  if (policy.digest === "") return undefined;
  if (isPartOf(self, key)) return "it is part of the agent itself";
  const isNamespace = key.group === "" && key.kind === "Namespace";
  const namespace = isNamespace ? key.name : key.namespace || noNamespace;
  if (!isAllowed(policy.namespaces, namespace)) {
    return namespace === noNamespace
      ? "the cluster's policy allows no objects that belong to no namespace"
      : `the cluster's policy does not allow namespace ${namespace}`;
  }
  const kind = key.group === "" ? key.kind : `${key.kind}.${key.group}`;
  return isAllowed(policy.kinds, kind) ? undefined : `the cluster's policy does not allow kind ${kind}`;
}

function isAllowed({ allow, deny }: Rule, text: string): boolean {
  if (deny.some((pattern) => matches(pattern, text))) return false;
  return allow === undefined || allow.some((pattern) => matches(pattern, text));
}

/** In time proportional to the product of both lengths, whatever the pattern is. */
export function matches(pattern: string, text: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found < 0 || found + part.length > text.length - last.length) return false;
    at = found + part.length;
  }
  return true;
}

/** Objects of one application that were deleted at one time. */
export interface Deletion {
  readonly application: string;
  readonly atMs: number;
  readonly objects: number;
}

export interface Wish {
  readonly application: string;
  /** How many are to be deleted now. */
  readonly objects: number;
  /** How many the application has by now. */
  readonly present: number;
  /** The whole application is to go. */
  readonly removal: boolean;
}

/** Deletions that still count. What lies ahead of a clock that was set back counts too. */
export function recentOf(deletions: readonly Deletion[], { withinMs }: PruneLimit, nowMs: number): readonly Deletion[] {
  return deletions.filter(({ atMs }) => atMs > nowMs - withinMs);
}

/** Why so many may not be deleted now, in one sentence; undefined when they may. */
export function overLimit(limit: PruneLimit, wish: Wish, recent: readonly Deletion[]): string | undefined {
  const own = sum(recent.filter(({ application }) => application === wish.application));
  const { objects = Infinity, percent = Infinity, total = Infinity } = limit;
  const wished = own + wish.objects;
  if (wished > objects) return explain(`${wished} objects of the application`, String(objects));
  if (!wish.removal && wished > ((own + wish.present) * percent) / 100) {
    return explain(`${wished} of ${own + wish.present} objects of the application`, `${percent} %`);
  }
  const all = sum(recent) + wish.objects;
  return all > total ? explain(`${all} objects of all applications`, String(total)) : undefined;
}

function explain(what: string, limit: string): string {
  return `${what} would be deleted within a short time; the cluster's policy allows ${limit}`;
}

function sum(deletions: readonly Deletion[]): number {
  return deletions.reduce((objects, deletion) => objects + deletion.objects, 0);
}
