import { DroverError } from "@drover/shared/errors";
import { textAt } from "@drover/shared/json";
import type { Logger } from "@drover/shared/log";
import { readSecretFile, writeSecretFile } from "@drover/shared/trust/secret-file";

import type { EnrolledIdentity } from "./enroll.ts";
import type { KubeApi, Resource } from "./kube/api.ts";
import { applyObject, getObject } from "./kube/objects.ts";

const secrets: Resource = { group: "", version: "v1", kind: "Secret", plural: "secrets", namespaced: true };
const key = "identity.json";

export interface IdentitySecretOptions {
  readonly kube: KubeApi;
  readonly namespace: string;
  readonly name: string;
  /** The identity on disk. It is the newer of the two whenever both are there: it is written first. */
  readonly file: string;
  readonly log: Logger;
}

/**
 * Brings the identity back that an earlier pod kept in the Secret, when this one has none. Throws when the Secret cannot
 * be read: going on would spend the join token a second time, and the hub refuses that for good.
 */
export async function restoreIdentity(options: IdentitySecretOptions, signal: AbortSignal): Promise<void> {
  const { kube, namespace, name, file, log } = options;
  if ((await readSecretFile(file)) !== undefined) return;
  const found = await getObject(kube, { resource: secrets, at: { namespace, name }, metadataOnly: false }, signal);
  if (found.kind === "refused") {
    const code = found.refusal.status === 403 ? "forbidden" : "api_unreachable";
    throw new DroverError(code, `the Secret ${namespace}/${name} with the agent's identity cannot be read`, {
      hint: `the API server answered ${found.refusal.status}`,
    });
  }
  const kept = found.kind === "found" ? textAt(found.object, "data", key) : undefined;
  if (kept === undefined) return;
  await writeSecretFile(file, Buffer.from(kept, "base64").toString("utf8"));
  log.info({}, "identity restored from its secret");
}

/** The same identity, which from now on is in the Secret as well, now and after every renewal. */
export async function keepIdentity(
  held: EnrolledIdentity,
  options: IdentitySecretOptions,
  signal: AbortSignal,
): Promise<EnrolledIdentity> {
  await save(options, signal);
  return {
    ...held,
    async replace(next) {
      await held.replace(next);
      await save(options, signal);
    },
    broker: {
      ...held.broker,
      async replace(next) {
        await held.broker.replace(next);
        await save(options, signal);
      },
    },
  };
}

/** The disk has it already, so a failure costs something only if the pod is replaced before the next renewal. */
async function save({ kube, namespace, name, file, log }: IdentitySecretOptions, signal: AbortSignal): Promise<void> {
  try {
    const identity = Buffer.from((await readSecretFile(file)) ?? "").toString("base64");
    const metadata = { name, namespace };
    const body = JSON.stringify({ apiVersion: "v1", kind: "Secret", metadata, data: { [key]: identity } });
    const at = { namespace, name };
    const applied = await applyObject(kube, { resource: secrets, at, body, metadataOnly: true }, signal);
    if (applied.kind === "applied") return;
    log.warn({ status: applied.refusal.status }, "identity is not in its secret");
  } catch (cause) {
    signal.throwIfAborted();
    log.warn({ code: DroverError.from(cause).code }, "identity is not in its secret");
  }
}
