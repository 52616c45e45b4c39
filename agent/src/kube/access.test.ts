import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect, it } from "vitest";

import { loadAccess } from "./access.ts";

it("reads a service account from the folder that it is told, and its token anew when that was refused", async () => {
  const folder = await mkdtemp(join(tmpdir(), "drover-account-"));
  try {
    await writeFile(join(folder, "ca.crt"), "the authority");
    await writeFile(join(folder, "token"), "first\n");
    const access = await loadAccess({ kind: "in-cluster", host: "fd00::1", port: "6443", folder });
    expect(access.url.href).toBe("https://[fd00::1]:6443/");
    expect(String(access.tls.ca)).toBe("the authority");
    expect(await access.authorize({ renew: false })).toEqual({ authorization: "Bearer first" });
    await writeFile(join(folder, "token"), "second");
    expect(await access.authorize({ renew: false })).toEqual({ authorization: "Bearer first" });
    expect(await access.authorize({ renew: true })).toEqual({ authorization: "Bearer second" });
  } finally {
    await rm(folder, { recursive: true });
  }
});

it("says where it looked for a service account that is not there", async () => {
  const missing = { kind: "in-cluster", host: "10.0.0.1", port: "443", folder: "/nowhere" } as const;
  await expect(loadAccess(missing)).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringContaining("/nowhere"),
  });
});
