import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";

import { isWorkload } from "./kinds.ts";

/** An object of the bundle that the server has not taken as Git wants it. */
export interface Unapplied {
  readonly key: ObjectKey;
  /** JSON of what runs of it; "" when nothing does, undefined when it is not known. */
  readonly running: string | undefined;
  /** As `ObjectRecord.moved`. */
  readonly moved: number;
}

/**
 * The object of the bundle for whose sake one that left it stays (apply-engines §8.4.5); undefined when there is none.
 * A half-applied bundle must not delete what it replaces, and one object that cannot be applied must not stop the rest:
 * - what runs of an unapplied object may *need* what left: it names it, or is a Service over its pods;
 * - an unapplied object that is not there yet may *replace* it: it has the same name, or came with the bundle with which
 *   an object of the same kind left.
 */
export function findSurvivor<T extends Unapplied>(
  leaving: { readonly key: ObjectKey; readonly moved: number },
  unapplied: readonly T[],
): T | undefined {
  return unapplied.find((other) => (other.running === "" ? mayReplace(other, leaving) : mayNeed(other, leaving.key)));
}

/** The name in quotes of any kind counts: too many only means that it stays until the other is applied. */
function mayNeed({ key, running }: Unapplied, leaving: ObjectKey): boolean {
  const near = key.namespace === leaving.namespace || key.namespace === "" || leaving.namespace === "";
  if (!near) return false;
  if (running === undefined || running.includes(leaving.name)) return true;
  return key.group === "" && key.kind === "Service" && isWorkload(leaving);
}

function mayReplace(other: Unapplied, leaving: { readonly key: ObjectKey; readonly moved: number }): boolean {
  if (other.key.name === leaving.key.name) return true;
  const sameKind = other.key.group === leaving.key.group && other.key.kind === leaving.key.kind;
  // After a restart nobody knows with which bundle it left.
  return sameKind && (leaving.moved === 0 || leaving.moved === other.moved);
}

export function describeSurvivor({ key, running }: Unapplied): string {
  const what = running === "" ? "may replace it" : "may need it";
  return `${formatObjectKey(key)} ${what} and could not be applied yet`;
}
