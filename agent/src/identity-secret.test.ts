import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { silentLog } from "@drover/shared/log";
import type { Identity } from "@drover/shared/trust/identity";
import { writeSecretFile } from "@drover/shared/trust/secret-file";
import { afterEach, beforeEach, expect, test } from "vitest";

import type { EnrolledIdentity } from "./enroll.ts";
import { keepIdentity, restoreIdentity, type IdentitySecretOptions } from "./identity-secret.ts";
import type { KubeAnswer, KubeApi } from "./kube/api.ts";

/** An API server that has one Secret, or says no. */
class OneSecret implements KubeApi {
  body: unknown = { metadata: { name: "identity" } };
  refusal: number | undefined;

  request(request: Parameters<KubeApi["request"]>[0]): Promise<KubeAnswer> {
    if (this.refusal !== undefined) {
      const refusal = { status: this.refusal, reason: "", message: "", about: "", causes: [] };
      return Promise.resolve({ kind: "refused", refusal });
    }
    expect(request.path.split("?")[0]).toBe("/api/v1/namespaces/drover-system/secrets/identity");
    if (request.method === "PATCH") this.body = JSON.parse(request.body ?? "");
    return Promise.resolve({ kind: "ok", status: 200, body: this.body });
  }

  stream(): never {
    throw new Error("not asked for");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

const { signal } = new AbortController();
let folder: string;
let kube: OneSecret;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "drover-identity-"));
  kube = new OneSecret();
});
afterEach(() => rm(folder, { recursive: true }));

const optionsIn = (pod: string): IdentitySecretOptions => ({
  kube,
  namespace: "drover-system",
  name: "identity",
  file: join(folder, pod, "identity.json"),
  log: silentLog,
});

/** An identity that is nothing but a file. */
const held = (file: string): EnrolledIdentity => ({
  fingerprintKey: "",
  broker: { current: () => undefined, replace: () => writeFile(file, "granted") },
  current: (): Identity => {
    throw new Error("not asked for");
  },
  replace: () => writeFile(file, "renewed"),
});

test("another pod gets the identity of the one before, renewed or not", async () => {
  const first = optionsIn("first");
  await restoreIdentity(first, signal);
  await expect(stat(first.file)).rejects.toThrow("ENOENT");
  await writeSecretFile(first.file, "enrolled");
  const kept = await keepIdentity(held(first.file), first, signal);
  await restoreIdentity(optionsIn("second"), signal);
  expect(await readFile(optionsIn("second").file, "utf8")).toBe("enrolled");
  await kept.replace({} as Identity);
  await restoreIdentity(optionsIn("third"), signal);
  expect(await readFile(optionsIn("third").file, "utf8")).toBe("renewed");
  await kept.broker.replace({ servers: "", jwt: "", seed: "" });
  await restoreIdentity(optionsIn("fourth"), signal);
  expect(await readFile(optionsIn("fourth").file, "utf8")).toBe("granted");
  expect((await stat(optionsIn("third").file)).mode & 0o777).toBe(0o600);
});

test("what is on disk is never replaced by an older copy", async () => {
  const options = optionsIn("pod");
  await writeSecretFile(options.file, "newer");
  kube.body = { data: { "identity.json": Buffer.from("older").toString("base64") } };
  await restoreIdentity(options, signal);
  expect(await readFile(options.file, "utf8")).toBe("newer");
});

test("a Secret that cannot be read stops the start, so that no join token is spent twice", async () => {
  kube.refusal = 403;
  await expect(restoreIdentity(optionsIn("pod"), signal)).rejects.toMatchObject({ code: "forbidden" });
  kube.refusal = 503;
  await expect(restoreIdentity(optionsIn("pod"), signal)).rejects.toMatchObject({ code: "api_unreachable" });
});

test("a Secret that cannot be written costs a warning and nothing else", async () => {
  const options = optionsIn("pod");
  await writeSecretFile(options.file, "enrolled");
  kube.refusal = 403;
  await expect(keepIdentity(held(options.file), options, signal)).resolves.toBeDefined();
});
