import { setImmediate } from "node:timers/promises";

import type { Backend } from "../api/backend.ts";
import { firstBroken } from "../core/audit.ts";
import type { AccessStore } from "../store/access-store.ts";

type Log = Pick<AccessStore, "audit" | "auditEnds">;

/** What the API may ask about the audit log. `batch` rows are hashed before others get their turn. */
export function createAuditReads(log: Log, batch = 500): Pick<Backend, "audit" | "checkAudit"> {
  return {
    audit({ after = 0, since, limit = 100 }) {
      const from = since === undefined ? after : Math.max(after, lastBefore(log, since));
      const items = log.audit(from, limit).map((row) => ({ ...row, changed: [...row.changed] }));
      return { items, next: items.at(-1)?.id ?? from, newest: log.auditEnds().last.id };
    },
    async checkAudit() {
      const { first, last } = log.auditEnds();
      let end = first;
      let broken: number | undefined;
      while (broken === undefined && end.id < last.id) {
        const rows = log.audit(end.id, batch).filter(({ id }) => id <= last.id);
        // None where the end says that there are some: they were taken away.
        broken = rows.length === 0 ? end.id + 1 : firstBroken(rows, end);
        end = rows.at(-1) ?? end;
        await setImmediate();
      }
      if (broken === undefined && end.hash !== last.hash) broken = end.id;
      const entries = Math.max(0, last.id - first.id);
      return { entries, first: first.id + 1, last: last.id, hash: last.hash, broken: broken ?? 0 };
    },
  };
}

/** The id of the last row before a time. Rows are in the order of their times, as far as the hub's clock is. */
function lastBefore(log: Log, sinceMs: number): number {
  const { first, last } = log.auditEnds();
  let [low, high] = [first.id, last.id];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const [row] = log.audit(middle, 1);
    if (row !== undefined && row.at < sinceMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
