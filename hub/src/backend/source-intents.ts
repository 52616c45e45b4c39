import type * as api from "@drover/shared/api/types";
import { DroverError } from "@drover/shared/errors";

import type { Intents } from "../api/backend.ts";
import { credentialFor } from "../controllers/credentials.ts";
import { changeSigners } from "../controllers/source-signers.ts";
import { nameFromUrl } from "../core/source-name.ts";
import { isRange, rangeHint } from "../core/version-range.ts";
import { parseAddress } from "../source/git/address.ts";
import { readSigners } from "../source/signatures/signers.ts";
import { whereToAdd } from "../source/ssh/deploy-keys.ts";
import { readHostKeys } from "../source/ssh/host-keys.ts";
import { describeKey } from "../source/ssh/ssh-keys.ts";
import { findCredential } from "../source/web/credential.ts";
import { newWebhookSecret } from "../source/webhook.ts";
import { sourceDefaults, type SourceRecord, type Store } from "../store/store.ts";
import type { BackendDeps } from "./backend.ts";
import { required } from "./required.ts";

/** What people ask of sources: those that they add themselves, and who is believed about any. */
export function sourceIntents(
  deps: SourceDeps,
  view: (name: string) => api.SourceDetail | undefined,
): Pick<Intents, "addSource" | "removeSource" | "syncSource" | "trustSource" | "setSigners" | "setWebhook"> {
  return { ...registryIntents(deps, view), ...trustIntents(deps, view) };
}

type SourceDeps = Pick<
  BackendDeps,
  "store" | "world" | "events" | "mirror" | "deployKeys" | "clock" | "settings" | "wake"
>;

function registryIntents(
  deps: SourceDeps,
  view: (name: string) => api.SourceDetail | undefined,
): Pick<Intents, "addSource" | "removeSource" | "syncSource"> {
  const { store, wake } = deps;
  return {
    async addSource(input) {
      const name = input.name ?? nameFromUrl(input.url);
      const signers = await readSigners(input.signedBy ?? []);
      if (store.source(name) !== undefined) {
        throw new DroverError("precondition_failed", `there is a source named ${name} already`, {
          hint: "choose another name with --name, or remove the other first",
        });
      }
      const record = { ...toRecord(name, input, deps.settings.pollSeconds), signers };
      const { kind } = parseAddress(record);
      checkSourceCredential(store, record);
      store.putSource(record);
      // A person adds it to the repository before anything can be fetched.
      if (kind === "ssh") await deps.deployKeys.of(name);
      wake.sources();
      return required(view(name), `source ${name}`);
    },
    async removeSource(name) {
      const { declaredIn } = required(store.source(name), `source ${name}`);
      if (declaredIn !== "") {
        throw new DroverError("precondition_failed", `the source ${name} is declared in ${declaredIn}`, {
          hint: "take its Repository out of Git",
        });
      }
      store.deleteSource(name);
      await deps.mirror.forget(name);
      await deps.deployKeys.forget(name);
      wake.sources();
      wake.source(name);
    },
    async syncSource(name) {
      required(store.source(name), `source ${name}`);
      wake.again(name);
    },
  };
}

function toRecord(name: string, input: api.AddSource, pollSeconds: number): SourceRecord {
  const hostKeys = readHostKeys(input.url, input.hostKeys ?? []);
  const path = (input.path ?? "").replaceAll(/^[./]+|\/+$/gu, "");
  const { ref = "", version = "", intervalSeconds = pollSeconds } = input;
  const { username = "", password = "", credential = "" } = input;
  if (version !== "") checkVersion(version, ref);
  const login = { username, password, credential };
  return { ...sourceDefaults, ...login, name, url: input.url, ref, version, path, intervalSeconds, hostKeys };
}

/** A person can say at once which credential is meant; one that Git names may come later. */
function checkSourceCredential(store: Store, source: SourceRecord): void {
  const { credential } = source;
  if (credential === "") return;
  const address = parseAddress(source);
  if (address.kind !== "http") throw new DroverError("usage", "a credential is for addresses over http(s)");
  if (address.username !== "" || address.password !== "")
    throw new DroverError("usage", "a source is read with a credential, or with a user name and password, not both");
  findCredential(credentialFor(store), credential, address.url);
}

function checkVersion(version: string, ref: string): void {
  if (ref !== "")
    throw new DroverError("usage", "a source is read at a ref or at the newest of some versions, not both");
  if (isRange(version)) return;
  throw new DroverError("usage", `${JSON.stringify(version.slice(0, 80))} is no range of versions`, {
    hint: rangeHint,
  });
}

function requireSshSource(store: Store, name: string): SourceRecord {
  const record = required(store.source(name), `source ${name}`);
  if (parseAddress(record).kind === "ssh") return record;
  throw new DroverError("precondition_failed", `the source ${name} is not read over SSH`, {
    hint: "only sources over SSH have a deploy key and host keys",
  });
}

function trustIntents(
  deps: SourceDeps,
  view: (name: string) => api.SourceDetail | undefined,
): Pick<Intents, "trustSource" | "setSigners" | "setWebhook"> {
  const { store, wake } = deps;
  return {
    async trustSource(name, input) {
      const record = requireSshSource(store, name);
      store.putSource({ ...record, hostKeys: readHostKeys(record.url, input.hostKeys) });
      wake.source(name);
      return identityOf(deps, name);
    },
    async setSigners(name, { signedBy }) {
      await changeSigners(deps, name, signedBy);
      wake.source(name);
      return required(view(name), `source ${name}`);
    },
    async setWebhook(name, { forge, rotate = false }) {
      const record = required(store.source(name), `source ${name}`);
      const kept = !rotate && record.webhook?.forge === forge ? record.webhook : undefined;
      const webhook = kept ?? { forge, secret: newWebhookSecret() };
      if (kept === undefined) store.putSource({ ...record, webhook });
      return { name, path: `/webhooks/${name}`, ...webhook };
    },
  };
}

/** The deploy key and the pinned host keys of a source over SSH. */
export async function identityOf(
  { store, deployKeys }: Pick<SourceDeps, "store" | "deployKeys">,
  name: string,
): Promise<api.SourceIdentity> {
  const record = requireSshSource(store, name);
  const { publicLine } = await deployKeys.of(name);
  const hostKeys = record.hostKeys.map((key) => describeKey(key));
  return { name, publicKey: publicLine, addTo: whereToAdd, hostKeys };
}
