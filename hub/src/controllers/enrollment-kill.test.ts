import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { DroverError } from "@drover/shared/errors";
import { createKeyRequest } from "@drover/shared/trust/identity";
import { afterAll, beforeAll, expect, it } from "vitest";

import { openJoiningHub } from "./joining-hub.fixture.ts";

/** Moments of a race: two certificates, and the join of one of the agents. */
const kills = Number(process.env["DROVER_JOIN_KILLS"] ?? 6);
// A killed process leaves the kernel all that it wrote: a disk would only be slower.
const folder = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "drover-joins-"));
const joiner = join(import.meta.dirname, "joiner.fixture.ts");
const parties = ["left", "right"] as const;
const requests = new Map<string, Uint8Array>();

beforeAll(async () => {
  for (const key of parties) {
    const { csr } = await createKeyRequest();
    requests.set(key, csr);
    writeFileSync(join(folder, `${key}.csr`), csr);
  }
  const { store } = await openJoiningHub(folder);
  store.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Race {
  readonly cluster: string;
  readonly token: string;
  /** Who was told that it has joined. */
  readonly told: readonly string[];
}

/** All races of a process that is killed at the nth moment. */
async function raceUntilKilled(nth: number): Promise<readonly Race[]> {
  const { stdout, signal } = await promisify(execFile)(process.execPath, [joiner, folder, String(nth)]).then(
    () => ({ stdout: "", signal: "" }),
    (cause: unknown) => cause as { readonly stdout: string; readonly signal: string },
  );
  expect(signal).toBe("SIGKILL");
  const races = stdout.split("race ").slice(1);
  return races.map((text) => {
    const [head = "", ...lines] = text.trim().split("\n");
    const [cluster = "", token = ""] = head.split(" ");
    return { cluster, token, told: lines.map((line) => line.replace("joined ", "")) };
  });
}

it(
  `R13, T24: a token has one winner when the hub is killed in the middle of a race for it: ${kills} kills`,
  async () => {
    const { signal } = new AbortController();
    const undecided: number[] = [];
    for (let nth = 1; nth <= kills; nth += 1) {
      const races = await raceUntilKilled(nth);
      const hub = await openJoiningHub(folder);
      for (const { cluster, token, told } of races) {
        const recorded = hub.store.enrolments.get(cluster)?.key;
        if (recorded === undefined) undecided.push(nth);
        // Who was told so has joined; who was not may have.
        expect(told.every((key) => key === recorded)).toBe(true);
        // Both ask again, as agents do that had no answer.
        const winners: string[] = [];
        for (const key of nth % 4 < 2 ? parties : parties.toReversed()) {
          const csr = requests.get(key) ?? new Uint8Array();
          const request = { token, csr, key, clusterUid: cluster, agentVersion: "1" };
          const answer = await hub.enrollment.enroll(request, signal).then(
            () => "joined",
            (cause: unknown) => DroverError.from(cause).code,
          );
          if (answer === "joined") winners.push(key);
          else expect(answer).toBe("join_refused");
        }
        expect(winners).toHaveLength(1);
        expect([recorded ?? winners[0]]).toEqual(winners);
        expect(hub.store.enrolments.get(cluster)).toMatchObject({ key: winners[0], state: "accepted" });
      }
      hub.store.close();
    }
    // It was killed before a decision as well as after one.
    expect(undecided.length).toBeGreaterThan(kills / 3);
    expect(undecided.length).toBeLessThan(kills);
  },
  60_000 + kills * 8_000,
);
