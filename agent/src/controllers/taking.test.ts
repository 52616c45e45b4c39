import { FakeClock } from "@drover/shared/clock";
import type { Acknowledgement, SignedAssignments } from "@drover/shared/link/link";
import { silentLog } from "@drover/shared/log";
import { expect, it, onTestFinished } from "vitest";

import { createTaking } from "./taking.ts";

const signed = (keyId: string): SignedAssignments => ({
  payload: new Uint8Array(),
  signature: new Uint8Array(),
  keyId,
});

function begin() {
  const clock = new FakeClock();
  const asked: string[] = [];
  const answers: (string | undefined)[] = [];
  const disk = { code: "" };
  const accept = ({ keyId }: SignedAssignments): Promise<Acknowledgement> => {
    asked.push(keyId);
    const code = keyId === "forged" ? "signature_invalid" : disk.code;
    return Promise.resolve({ epoch: "e", generation: 1, ...(code === "" ? {} : { refusal: { code, message: "" } }) });
  };
  const answer = ({ refusal }: Acknowledgement): void => void answers.push(refusal?.code);
  const taking = createTaking({ acceptance: { accept }, answer, clock, random: () => 0.5, log: silentLog });
  const stop = new AbortController();
  void taking.run(stop.signal);
  onTestFinished(() => stop.abort(new Error("the test is over")));
  return { clock, asked, answers, disk, taking };
}

it("E73: what the disk did not take is tried again, ever more rarely, until it does, and says so then", async () => {
  const { clock, asked, answers, disk, taking } = begin();
  disk.code = "store_failed";
  taking.receive(signed("a"));
  await clock.advance(0);
  await clock.advance(10 * 60_000);
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.length).toBeLessThan(25);
  disk.code = "";
  await clock.advance(60_000);
  expect(answers.at(-1)).toBeUndefined();
  const { length } = asked;
  await clock.advance(10 * 60_000);
  expect(asked).toHaveLength(length);
});

it("E73: a newer envelope takes the place of one that waits, and a forged one does not", async () => {
  const { clock, asked, disk, taking } = begin();
  disk.code = "store_failed";
  taking.receive(signed("a"));
  await clock.advance(0);
  taking.receive(signed("forged"));
  taking.receive(signed("b"));
  await clock.advance(0);
  disk.code = "";
  await clock.advance(60_000);
  expect(asked).toEqual(["a", "forged", "b", "b"]);
});

it("asks nobody again about what was refused for good", async () => {
  const { clock, asked, taking } = begin();
  taking.receive(signed("forged"));
  await clock.advance(10 * 60_000);
  expect(asked).toEqual(["forged"]);
});
