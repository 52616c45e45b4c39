import { idempotencyHeader } from "@drover/shared/api/http";
import { expect, test } from "vitest";

import { digestOf, ownerToken } from "./auth.ts";
import { MemoryBackend } from "./memory-backend.ts";
import { sampleFleet } from "./sample-fleet.ts";
import { sampleToken, startApi, type RunningApi } from "./start-api.ts";

const key = "3f0c7f0e-5a0e-4c0e-9d53-0a6a4a6d3b11";
const tokens = [
  ownerToken("sample", sampleToken),
  { name: "other", sha256: digestOf("other"), roles: ["owner" as const], scope: "", expiresAtMs: 0 },
];

const create = async (api: RunningApi, over: { name?: string; key?: string; token?: string; method?: string } = {}) => {
  const response = await fetch(`${api.url}/api/v1/tokens`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${over.token ?? sampleToken}`,
      "content-type": "application/json",
      [idempotencyHeader]: over.key ?? key,
    },
    body: JSON.stringify({ name: over.name ?? "ci", roles: ["viewer"] }),
  });
  const body = (await response.json()) as { token?: string; code?: string };
  return { status: response.status, again: response.headers.get("idempotency-replayed"), ...body };
};

test("R8: the same request with the same key is decided once, and answered alike", async () => {
  await using api = await startApi({ tokens });
  const first = await create(api);
  expect(await create(api)).toEqual({ ...first, again: "true" });
  expect([first.status, api.backend.tokens().length]).toEqual([201, 1]);
  expect(api.backend.entries).toEqual(["sample create token ci done"]);
  const kept = JSON.stringify([...api.backend.receiptById.values()]);
  expect(kept).not.toContain(key);
  expect(kept).not.toContain(first.token);
});

test("R8: two at the same time are decided once", async () => {
  const backend = new MemoryBackend(sampleFleet());
  const create1 = backend.createToken.bind(backend);
  let calls = 0;
  const go = Promise.withResolvers<void>();
  Object.assign(backend, {
    createToken: async (...args: Parameters<MemoryBackend["createToken"]>) => {
      calls += 1;
      await go.promise;
      return create1(...args);
    },
  });
  await using api = await startApi({ tokens, backend });
  const both = Promise.all([create(api), create(api)]);
  await expect.poll(() => calls).toBe(1);
  go.resolve();
  const [one, two] = await both;
  expect([one.status, two.status, one.token === two.token, calls]).toEqual([201, 201, true, 1]);
});

test("another request with the same key is refused, and so is what is no key; another's key is another", async () => {
  await using api = await startApi({ tokens });
  await create(api);
  expect(await create(api, { name: "cd" })).toMatchObject({ status: 422, code: "key_reused" });
  expect(await create(api, { token: "other", name: "cd" })).toMatchObject({ status: 201, again: null });
  expect(await create(api, { key: "short" })).toMatchObject({ status: 400, code: "usage" });
  expect(await create(api, { key: "x".repeat(129) })).toMatchObject({ status: 400, code: "usage" });
});

test("what failed is asked anew, and a right that was lost is lost for what was answered before, too", async () => {
  const held = [{ ...ownerToken("sample", sampleToken) }];
  await using api = await startApi({ tokens: held });
  await create(api);
  const second = "a-second-key-of-this-test";
  expect(await create(api, { key: second })).toMatchObject({ status: 409 });
  await api.call("/api/v1/tokens/ci", { method: "DELETE" });
  expect(await create(api, { key: second })).toMatchObject({ status: 201, again: null });
  Object.assign(held[0] ?? {}, { roles: ["viewer"] });
  expect(await create(api, { key: second })).toMatchObject({ status: 403 });
});

test("R8: what was decided before its answer was kept is told to be done", async () => {
  await using api = await startApi({ tokens });
  await create(api);
  for (const receipt of api.backend.receiptById.values()) api.backend.keepReceipt({ ...receipt, answer: "" });
  expect(await create(api)).toMatchObject({ status: 409, code: "answer_lost" });
  expect(api.backend.entries).toHaveLength(1);
});

test("every route that changes something takes a key, and answers without a body are told again", async () => {
  await using api = await startApi({ tokens });
  const remove = async (): Promise<string> => {
    const headers = { [idempotencyHeader]: key };
    const { status, headers: told } = await api.call("/api/v1/clusters/dev-1", { method: "DELETE", headers });
    return `${status} ${told.get("idempotency-replayed")}`;
  };
  expect([await remove(), await remove()]).toEqual(["204 null", "204 true"]);
});
