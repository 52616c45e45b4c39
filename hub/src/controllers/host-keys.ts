import { DroverError } from "@drover/shared/errors";

import type { SourceSpec } from "../source/git/mirror.ts";
import { describeKey } from "../source/ssh/ssh-keys.ts";
import type { Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";

/** Pins the first key that the SSH server of a source shows: from then on another one is refused. */
export function createPin({
  store,
  events,
}: {
  readonly store: Store;
  readonly events: Pick<EventLog, "append">;
}): (source: SourceSpec, hostKey: string) => void {
  return ({ name, url }, hostKey) => {
    const record = store.source(name);
    // A person may have removed it, or said which keys to trust, while the connection was made.
    if (record?.url !== url || record.hostKeys.length > 0) {
      throw new DroverError("canceled", `the source ${name} was changed while it was fetched`);
    }
    store.putSource({ ...record, hostKeys: [hostKey] });
    const message = `source ${name}: its server showed the key ${describeKey(hostKey)} first, which is pinned`;
    events.append({ type: "host-key-pinned", app: "", cluster: "", message });
  };
}
