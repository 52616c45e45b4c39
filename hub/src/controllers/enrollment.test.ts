import { FakeClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { createAuthority } from "@drover/shared/trust/authority";
import { createKeyRequest } from "@drover/shared/trust/identity";
import { createSigningKey } from "@drover/shared/trust/signing-key";
import { expect, test } from "vitest";

import { openSqliteStore } from "../store/sqlite.ts";
import { clusterDefaults } from "../store/store.ts";
import { createAcceptance } from "./acceptance.ts";
import { createEnrollment } from "./enrollment.ts";
import { createEventLog } from "./event-log.ts";

const races = 1_000;
const { signal } = new AbortController();

async function openHub() {
  const clock = new FakeClock(1_000_000_000_000);
  const store = openSqliteStore(":memory:");
  const events = createEventLog(store, () => clock.now());
  const authority = await createAuthority({ clock });
  const acceptance = createAcceptance({ store, events, clock });
  const trust = { authority, signingKey: createSigningKey(), acceptance, connections: new Set<string>() };
  return { clock, store, events, enrollment: createEnrollment({ store, events, clock, ...trust }) };
}

test(
  `R13, T24: of two agents that show one token at the same time, one joins: ${races} races`,
  { timeout: 120_000 },
  async () => {
    const { store, enrollment } = await openHub();
    const [left, right] = [await createKeyRequest(), await createKeyRequest()];
    const outcomes = new Map<string, number>();
    for (let race = 0; race < races; race += 1) {
      const cluster = `c${race}`;
      store.putCluster({ ...clusterDefaults, name: cluster });
      const { token } = enrollment.invite(cluster);
      const ask = async (csr: Uint8Array, key: string): Promise<string> =>
        enrollment.enroll({ token, csr, key, clusterUid: `uid-${race}`, agentVersion: "1" }, signal).then(
          () => key,
          (cause: unknown) => DroverError.from(cause).code,
        );
      const order = race % 2 === 0 ? (["a", "b"] as const) : (["b", "a"] as const);
      const answers = await Promise.all(order.map(async (key) => ask(key === "a" ? left.csr : right.csr, key)));
      const winners = answers.filter((answer) => answer === "a" || answer === "b");
      const [winner = ""] = winners;
      const shown = `${winners.length} joined, the other: ${answers.find((answer) => answer !== winner)}`;
      outcomes.set(shown, (outcomes.get(shown) ?? 0) + 1);
      expect(store.enrolments.get(cluster)).toMatchObject({ key: winner, generation: 1, state: "accepted" });
      // Who has joined gets the same answer again, and nobody else ever does.
      if (race % 50 !== 0) continue;
      expect(await ask(left.csr, "a")).toBe(winner === "a" ? "a" : "join_refused");
      expect(await ask(right.csr, "b")).toBe(winner === "b" ? "b" : "join_refused");
    }
    expect([...outcomes.keys()].filter((shown) => !shown.startsWith("1 joined"))).toEqual([]);
    expect([...outcomes.values()].reduce((sum, count) => sum + count, 0)).toBe(races);
    store.close();
  },
);
