import type { SignTarget } from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";
import { maxSignatures } from "@drover/shared/link/link";

import { formatTarget, type TargetId } from "../core/target.ts";
import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

export interface SignaturesDeps {
  readonly store: Store;
  readonly events: EventLog;
  /** Asks for the assignments of these clusters to be sent. */
  readonly send: (clusters: readonly string[]) => void;
}

/**
 * Takes what somebody has signed of the bundle that a target is assigned, and sends it along. Whose keys count is for the
 * policy of the cluster to say; the hub knows none of them. Throws `not_found`, and `precondition_failed` when another bundle
 * is assigned by now.
 */
export function signTarget({ store, events, send }: SignaturesDeps, id: TargetId, input: SignTarget): void {
  const name = formatTarget(id);
  const record = store.target(id);
  if (record === undefined || record.removal !== "") throw new DroverError("not_found", `there is no target ${name}`);
  const { bundle, ...signature } = input;
  if (record.bundle !== bundle) {
    throw new DroverError("precondition_failed", `${name} is assigned another bundle by now`, {
      hint: `look at it, and sign that: drover sign ${name}`,
    });
  }
  const others = (record.signatures ?? []).filter(({ keyId }) => keyId !== signature.keyId);
  if (others.length >= maxSignatures) {
    throw new DroverError("precondition_failed", `${name} has ${others.length} signatures, and takes no more`);
  }
  store.assign({ put: [{ ...record, signatures: [...others, signature] }], forget: [], blobs: new Map() });
  events.append({ type: "signed", ...id, message: `key ${signature.keyId} has signed what ${name} is to run` });
  send([id.cluster]);
}
