import { join } from "node:path";

import { systemClock } from "@drover/shared/clock";
import { loadAuthority } from "@drover/shared/trust/authority";
import { createSigningKey } from "@drover/shared/trust/signing-key";

import { openSqliteStore } from "../store/sqlite.ts";
import { createAcceptance } from "./acceptance.ts";
import { createEnrollment } from "./enrollment.ts";
import { createEventLog } from "./event-log.ts";

/** What of a hub agents join, on a folder. `moment` is called before and after each of the steps that a join consists of. */
export async function openJoiningHub(folder: string, moment: () => void = () => undefined) {
  const clock = systemClock;
  const own = openSqliteStore(join(folder, "hub.db"));
  const around = <A extends readonly unknown[], R>(call: (...args: A) => R) => {
    return (...args: A): R => {
      moment();
      const result = call(...args);
      if (result instanceof Promise) result.then(moment, () => undefined);
      else moment();
      return result;
    };
  };
  const store = new Proxy(own, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (name === "join") return around(target.join.bind(target));
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  const real = await loadAuthority(folder, { clock });
  const authority = { ...real, issueClient: around(real.issueClient) };
  const events = createEventLog(store, () => clock.now());
  const acceptance = createAcceptance({ store, events, clock });
  const trust = { authority, signingKey: createSigningKey(), acceptance, connections: new Set<string>() };
  return { store, enrollment: createEnrollment({ store, events, clock, ...trust }) };
}
