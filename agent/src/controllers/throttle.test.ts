import { FakeClock } from "@drover/shared/clock";
import { expect, it } from "vitest";

import type { KubeAnswer } from "../kube/api.ts";
import { answered, createScriptedApi, refused } from "../kube/scripted-api.ts";
import { createThrottle } from "./throttle.ts";

const never = new AbortController().signal;
const get = { method: "GET", path: "/x" } as const;

function start(script: (count: number) => KubeAnswer) {
  const clock = new FakeClock(1_000);
  let count = 0;
  const scripted = createScriptedApi({ request: () => script((count += 1)), stream: () => refused(500) });
  const throttle = createThrottle(clock);
  return { clock, scripted, throttle, api: throttle.over(scripted) };
}

const busy = (retryAfterMs: number): KubeAnswer => {
  const { kind, refusal } = refused(429);
  return { kind, refusal: { ...refusal, retryAfterMs } };
};

it("case 67: after a 429 nobody sends anything before the server's time is over", async () => {
  const { clock, scripted, api } = start((count) => (count === 1 ? busy(3_000) : answered({})));
  expect(await api.request(get, never)).toMatchObject({ kind: "refused", refusal: { status: 429 } });
  const waiting = [api.request(get, never), api.stream("/watch", "", never), api.request(get, never)];
  await clock.advance(2_999);
  expect(scripted.calls).toHaveLength(1);
  await clock.advance(1);
  await Promise.all(waiting);
  expect(scripted.calls).toHaveLength(4);
});

it("waits on when the server asks for more in the meantime", async () => {
  const { clock, scripted, api } = start((count) => (count < 3 ? busy(count * 1_000) : answered({})));
  const both = [api.request(get, never), api.request(get, never)];
  await Promise.all(both);
  const third = api.request(get, never);
  await clock.advance(1_999);
  expect(scripted.calls).toHaveLength(2);
  await clock.advance(1);
  expect(await third).toMatchObject({ kind: "ok" });
});

it("ends a wait when the signal does", async () => {
  const { api } = start(() => busy(60_000));
  await api.request(get, never);
  const stop = new AbortController();
  const waiting = api.request(get, stop.signal);
  stop.abort(new Error("the test is over"));
  await expect(waiting).rejects.toThrow("the test is over");
});

it("halves the number of writes at once", async () => {
  const { clock, throttle, api } = start(() => busy(10));
  const most = async (): Promise<number> => {
    let running = 0;
    let seen = 0;
    const work = Array.from({ length: 40 }, () =>
      throttle.limit(async () => {
        running += 1;
        seen = Math.max(seen, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      }),
    );
    await Promise.all(work);
    return seen;
  };
  expect(await most()).toBe(8);
  await api.request(get, never);
  expect(await most()).toBe(4);
  await clock.advance(10);
});
