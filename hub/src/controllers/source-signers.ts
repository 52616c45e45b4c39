import { DroverError } from "@drover/shared/errors";

import { readSigners } from "../source/signatures/signers.ts";
import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

/** Replaces those whose signature the commits of a source need. Throws `not_found`, `usage`, `precondition_failed`. */
export async function changeSigners(
  { store, events }: { readonly store: Store; readonly events: Pick<EventLog, "append"> },
  name: string,
  signedBy: readonly string[],
): Promise<void> {
  const signers = await readSigners(signedBy);
  const record = store.source(name);
  if (record === undefined) throw new DroverError("not_found", `there is no source ${name}`);
  if (record.declaredIn !== "") {
    throw new DroverError("precondition_failed", `the source ${name} is declared in ${record.declaredIn}`, {
      hint: "change signedBy of its Repository in Git",
    });
  }
  store.putSource({ ...record, signers });
  const [first, ...more] = signers.map((signer) => `${signer.name} (${signer.fingerprint})`);
  const others = more.length === 0 ? "" : ` or of ${more.length} more`;
  const what = first === undefined ? "need no signature any more" : `need a signature of ${first}${others}`;
  events.append({ type: "signers-changed", app: "", cluster: "", message: `commits of source ${name} ${what}` });
}
