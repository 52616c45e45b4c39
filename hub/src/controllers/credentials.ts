import type * as api from "@drover/shared/api/credential";
import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import type { Backend, Intents } from "../api/backend.ts";
import { expiryProblem } from "../core/credential-expiry.ts";
import { covers, readPrefix } from "../core/credential-prefix.ts";
import { checkCredential } from "../source/web/credential-check.ts";
import type { CredentialFor } from "../source/web/credential.ts";
import type { CredentialRecord, Store } from "../store/store.ts";
import type { EventLog } from "./event-log.ts";
import type { World } from "./world.ts";

export interface CredentialsDeps {
  readonly store: Pick<Store, "sources" | "credentials" | "credential" | "putCredential" | "deleteCredential">;
  readonly world: Pick<World, "packageRefs">;
  readonly events: Pick<EventLog, "append">;
  readonly clock: Clock;
  /** What names the credential is to be looked at. */
  readonly changed: (name: string) => void;
}

type Parts = Pick<Backend, "credentials" | "credential"> &
  Pick<Intents, "addCredential" | "replaceCredential" | "removeCredential">;

const maxCredentials = 1_000;

/** What the API may ask about credentials: everything but what is secret in them. */
export function createCredentials(deps: CredentialsDeps): Parts {
  const { store, events, clock, changed } = deps;
  const tell = (name: string, type: string, what: string): void => {
    events.append({ type, app: "", cluster: "", message: `credential ${name} was ${what}` });
    changed(name);
  };
  const put = (name: string, input: api.ReplaceCredential, what: string): api.Credential => {
    if (store.credential(name) === undefined && store.credentials().length >= maxCredentials)
      throw new DroverError("precondition_failed", `there are ${maxCredentials} credentials, which is the most`);
    const record = toRecord(name, input, clock.now());
    store.putCredential(record);
    tell(name, "credential-changed", `${what} for ${record.prefix}`);
    return viewOf(record, usersOf(deps), clock.now());
  };
  return {
    credentials() {
      const users = usersOf(deps);
      return store.credentials().map((record) => viewOf(record, users, clock.now()));
    },
    credential(name) {
      const record = store.credential(name);
      return record === undefined ? undefined : viewOf(record, usersOf(deps), clock.now());
    },
    async addCredential(name, input) {
      if (store.credential(name) === undefined) return put(name, input, "added");
      throw new DroverError("precondition_failed", `there is a credential named ${name} already`, {
        hint: "choose another name, or put this one in its place with --replace",
      });
    },
    replaceCredential: async (name, input) =>
      put(name, input, store.credential(name) === undefined ? "added" : "replaced"),
    async removeCredential(name) {
      store.deleteCredential(name);
      tell(name, "credential-removed", "removed");
    },
  };
}

/** Finds credentials that people registered. */
export function credentialFor(store: Pick<Store, "credential">): CredentialFor {
  return (name, url) => {
    const record = store.credential(name);
    return record !== undefined && covers(record.prefix, url) ? record : undefined;
  };
}

function toRecord(name: string, input: api.ReplaceCredential, changedAtMs: number): CredentialRecord {
  const prefix = readPrefix(input.for);
  const { username = "", password = "", ca = "", clientCertificate = "", clientKey = "" } = input;
  const parts = { username, password, ca, clientCertificate, clientKey };
  const expiresAtMs = checkCredential(parts);
  if (expiresAtMs > 0 && prefix.startsWith("http:"))
    throw new DroverError("usage", "certificates count for nothing where nothing is encrypted", {
      hint: "give the address over https",
    });
  return { name, prefix, ...parts, changedAtMs, expiresAtMs };
}

/** What names each credential. */
function usersOf({ store, world }: CredentialsDeps): ReadonlyMap<string, string[]> {
  const users = new Map<string, string[]>();
  const note = (credential: string, user: string): void => {
    const known = users.get(credential);
    if (known === undefined) users.set(credential, [user]);
    else known.push(user);
  };
  for (const { name, credential } of store.sources()) note(credential, `source/${name}`);
  for (const [name, { credential }] of world.packageRefs()) note(credential, `app/${name}`);
  return users;
}

function viewOf(record: CredentialRecord, users: ReadonlyMap<string, string[]>, nowMs: number): api.Credential {
  const { name, prefix, changedAtMs, expiresAtMs } = record;
  const problem = expiryProblem(record, nowMs);
  return {
    name,
    for: prefix,
    state: stateOf(problem?.severity),
    reason: problem?.message ?? "",
    since: changedAtMs,
    parts: partsOf(record),
    expires: expiresAtMs,
    usedBy: (users.get(name) ?? []).toSorted(),
  };
}

function stateOf(severity: "error" | "warning" | undefined): api.Credential["state"] {
  if (severity === undefined) return "current";
  return severity === "error" ? "failed" : "degraded";
}

function partsOf({ username, password, ca, clientCertificate }: CredentialRecord): api.Credential["parts"] {
  return [
    ...(username === "" ? [] : ["username" as const]),
    ...(password === "" ? [] : ["password" as const]),
    ...(ca === "" ? [] : ["ca" as const]),
    ...(clientCertificate === "" ? [] : ["client-certificate" as const]),
  ];
}
