import { FakeClock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import type { BrokerAccess } from "@drover/shared/link/broker";
import { silentLog } from "@drover/shared/log";
import { expect, it } from "vitest";

import { keepBrokerAccess } from "./broker-access.ts";

/** Asks a hub that answers as told, once for each answer, and then no more; returns when it was asked, in ms. */
async function asked(
  answers: readonly ("gone" | "granted" | "no broker")[],
  forMs: number,
): Promise<readonly number[]> {
  const clock = new FakeClock();
  const at: number[] = [];
  let held: BrokerAccess | undefined;
  const stop = new AbortController();
  const running = keepBrokerAccess(
    {
      grant: () => {
        const answer = answers[at.length] ?? "gone";
        at.push(clock.now());
        if (answer === "gone") return Promise.reject(new DroverError("link_closed", "the broker is gone"));
        return Promise.resolve(answer === "granted" ? { servers: "", jwt: "", seed: "" } : undefined);
      },
      held: { current: () => held, replace: (access) => Promise.resolve(void (held = access)) },
      clock,
      random: () => 0.5,
      log: silentLog,
    },
    stop.signal,
  );
  await clock.advance(forMs);
  stop.abort();
  await running;
  return at;
}

it("asks again within seconds of a broker that was gone, and then less and less", async () => {
  expect(await asked([], 20_000)).toEqual([2_500, 3_500, 5_500, 9_500, 17_500]);
  const late = await asked([], 3_600_000);
  expect((late.at(-1) ?? 0) - (late.at(-2) ?? 0)).toBe(300_000);
});

it("asks for the next user after half a day, and at once again when that fails", async () => {
  const half = 12 * 3_600_000;
  expect(await asked(["gone", "granted", "gone", "granted"], half + 10_000)).toEqual([
    2_500,
    3_500,
    half + 3_500,
    half + 4_500,
  ]);
});

it("asks a hub without a broker no more often than one that has granted a user", async () => {
  expect(await asked(["no broker", "no broker"], 12 * 3_600_000)).toEqual([2_500]);
});
