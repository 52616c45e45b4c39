import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "@drover/shared/clock";
import { brokerUserOf } from "@drover/shared/link/broker";
import { afterEach, beforeEach, expect, test } from "vitest";

import { loadBrokerKeys } from "./broker-keys.ts";

let file: string;
beforeEach(async () => {
  file = join(await mkdtemp(join(tmpdir(), "drover-broker-")), "nats.seeds");
});
afterEach(() => rm(join(file, ".."), { recursive: true }));

const accountIn = (config: string): string | undefined => /^ {2}(A[A-Z2-7]{55}): /mu.exec(config)?.[1];

test("the account stays the same over restarts, and its seed is its owner's alone", async () => {
  const first = await loadBrokerKeys(file, systemClock);
  const second = await loadBrokerKeys(file, systemClock);
  expect(accountIn(first.config)).toBeDefined();
  expect(accountIn(second.config)).toBe(accountIn(first.config));
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  expect(first.config).not.toMatch(/S[OAU][A-Z2-7]{56}/u);
});

test("a user names its cluster and its end", async () => {
  const keys = await loadBrokerKeys(file, systemClock);
  expect(brokerUserOf(keys.clusterUser("dev-1", 1_800_000_000_000))).toMatchObject({
    cluster: "dev-1",
    expiresAtMs: 1_800_000_000_000,
  });
});

test.each(["", "UNKNOWN", "AAAA", "U".repeat(56)])("vouches for no key that is none: %j", async (key) => {
  const keys = await loadBrokerKeys(file, systemClock);
  expect(() => keys.clusterJwt("dev-1", key, 0)).toThrow(expect.objectContaining({ code: "document_invalid" }));
});

test("a file that holds something else is an error that does not quote it", async () => {
  await writeFile(file, "SOSECRET\nSASECRET\n");
  await expect(loadBrokerKeys(file, systemClock)).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.not.stringContaining("SECRET"),
  });
});
