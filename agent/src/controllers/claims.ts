import type { JsonRecord } from "@drover/shared/json";
import { formatObjectKey, type ObjectKey } from "@drover/shared/kube/manifest";

import type { Claim } from "../core/claims.ts";
import { ownersOf } from "../core/owner.ts";
import { dropRecord, type ApplicationRecord, type ObjectRecord, type Obstacle } from "../core/record.ts";
import type { Context } from "./context.ts";

/** What all applications but one have to do with an object, as far as what was accepted tells. */
export function claimsOn(context: Context, self: ApplicationRecord, key: ObjectKey): readonly Claim[] {
  const id = formatObjectKey(key);
  const claims: Claim[] = [];
  for (const other of context.state.applications.values()) {
    const record = other === self ? undefined : other.objects.get(id);
    const held = record !== undefined && isHeld(record);
    // It was not let in yet, and is wanted all the same.
    if (other.refused?.wants.has(id) === true) claims.push({ application: other.name, wish: "wants", held });
    else if (record !== undefined) claims.push({ application: other.name, wish: wishOf(context, other, record), held });
  }
  return claims;
}

/** An application other than this one whose newest bundle is not here: it may want anything. */
export function findUnread(context: Context, self: ApplicationRecord): Claim | undefined {
  const application = context.acceptance.names().find((name) => name !== self.name && !isRead(context, name));
  return application === undefined ? undefined : { application, wish: "unknown", held: false };
}

/** Whether the application has the object, or a request that gets it is under way. */
export function isHeld(record: ObjectRecord): boolean {
  return record.uid !== "" || record.inFlight;
}

/** uid of an object that another application is leaving to this one; "" when there is none. */
export function inheritedUid(context: Context, self: ApplicationRecord, key: ObjectKey): string {
  const from = claimsOn(context, self, key).find(({ wish, held }) => wish === "leaves" && held);
  if (from === undefined) return "";
  return context.state.applications.get(from.application)?.objects.get(formatObjectKey(key))?.uid ?? "";
}

/** What the application of this agent that an object is marked as belonging to says about it; see `judgeAdoption`. */
export function standingOf(
  context: Context,
  self: ApplicationRecord,
  { live, key }: { readonly live: JsonRecord; readonly key: ObjectKey },
): "leaves" | "keeps" | "unclaimed" | undefined {
  const marks = ownersOf(live);
  const claim = claimsOn(context, self, key).find(({ application }) => application === marks.application);
  if (claim !== undefined) return claim.wish === "leaves" ? "leaves" : "keeps";
  return marks.application !== "" && context.ownerOf(marks.application).id === marks.id ? "unclaimed" : undefined;
}

/** Now that one application has applied an object, those that were leaving it are done with it. */
export function settleClaims(context: Context, self: ApplicationRecord, key: ObjectKey): void {
  for (const { application, wish } of claimsOn(context, self, key)) {
    const other = context.state.applications.get(application);
    if (wish !== "leaves" || other === undefined) continue;
    dropRecord(other, key);
    context.log.info({ from: application, to: self.name, object: formatObjectKey(key) }, "object handed over");
    context.wake(application);
  }
}

/** Lets what waits for other applications be tried again: what this one wants is known anew. */
export function wakeWaiting(context: Context, self: ApplicationRecord): void {
  for (const other of context.state.applications.values()) {
    if (other === self) continue;
    const waiting = [...other.objects.values()].filter(({ obstacle }) => waits.has(obstacle?.reason ?? ""));
    // It was kept waiting, not refused: nothing that comes after is to be tried more rarely for it.
    for (const record of waiting) Object.assign(record, { notBefore: 0, attempts: 0 });
    if (waiting.length > 0) context.wake(other.name);
  }
}

/** Why an application may not have an object that another one has. */
export function keptBy({ application, wish }: Claim): Obstacle {
  if (wish === "unknown") {
    const message = `application "${application}" has it, and its newest bundle is not here yet`;
    return { reason: "WaitingForBundle", message, retry: "soon" };
  }
  const message = `application "${application}" has it: it has to leave that one first`;
  return { reason: "Conflict", message, retry: "later" };
}

/** Why an object that has left an application is not deleted. */
export function keptFor({ application, wish }: Claim): Obstacle {
  if (wish === "unknown") {
    const message = `application "${application}" may want it: its newest bundle is not here yet`;
    return { reason: "WaitingForBundle", message, retry: "soon" };
  }
  return { reason: "HandingOver", message: `application "${application}" takes it over`, retry: "soon" };
}

const waits: ReadonlySet<string> = new Set(["WaitingForBundle", "Conflict", "HandingOver"]);

function wishOf(context: Context, application: ApplicationRecord, record: ObjectRecord): Claim["wish"] {
  switch (context.acceptance.intent(application.name).kind) {
    case "remove":
      return "leaves";
    case "unknown":
      // It is kept as it is, and so is what it has.
      return isHeld(record) ? "wants" : "leaves";
    case "run":
    case "keep":
      if (!isRead(context, application.name)) return "unknown";
      return record.desired === "" ? "leaves" : "wants";
  }
}

/** Whether the application's records are of the bundle that it is to have. */
function isRead(context: Context, name: string): boolean {
  const intent = context.acceptance.intent(name);
  if (!("assignment" in intent)) return true;
  const application = context.state.applications.get(name);
  const { bundle, namespace } = intent.assignment;
  const read = application?.refused?.bundle === bundle ? application.refused : application;
  return read?.bundle === bundle && read.namespace === namespace;
}
