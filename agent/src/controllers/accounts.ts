import { DroverError } from "@drover/shared/errors";
import { textAt, type JsonRecord } from "@drover/shared/json";
import type { Assignment } from "@drover/shared/link/link";
import type { Service } from "@drover/shared/service";

import { clearObstacle, type ApplicationRecord } from "../core/record.ts";
import type { KubeApi, Resource } from "../kube/api.ts";
import { asUser, formatAccount, parseAccount, userOf } from "../kube/impersonation.ts";
import { getObject } from "../kube/objects.ts";
import { troubleOfError } from "../kube/trouble.ts";
import { watchKind, type WatchHandler } from "../kube/watch.ts";
import type { Context } from "./context.ts";
import { untilWoken } from "./wait.ts";

const serviceAccounts: Resource = {
  group: "",
  version: "v1",
  kind: "ServiceAccount",
  plural: "serviceaccounts",
  namespaced: true,
};

const accountMissing = "ServiceAccountMissing";

/**
 * The service accounts whose rights applications use. The API server takes the name of an account that does not exist
 * as well as any other, and whatever was granted to that name; so this looks whether the account is there.
 */
export interface Accounts extends Service {
  /** Takes in whose rights the application is to be applied with. */
  assume(application: ApplicationRecord, assignment: Pick<Assignment, "namespace" | "sync">): void;
  /**
   * The API server with the application's rights. Calls throw `service_account_missing` while its account is not there,
   * and `forbidden` when that cannot be seen; never does anything go out with the agent's rights instead.
   */
  kubeFor(application: Pick<ApplicationRecord, "account">): KubeApi;
  /** Why nothing can be done for the application as a whole; undefined when its account is there. */
  hindranceOf(application: Pick<ApplicationRecord, "account">, signal: AbortSignal): Promise<Hindrance>;
  /** Looks whether any application names an account; the watch runs only then. */
  update(): void;
}

type Hindrance = ApplicationRecord["hindrance"];

export interface AccountsOptions extends Pick<Context, "kube" | "state" | "wake" | "clock" | "random" | "log"> {
  /** For applications that name none; "" = the agent's own rights. */
  readonly defaultServiceAccount: string;
}

export function createAccounts(options: AccountsOptions): Accounts {
  const { kube, state, clock, random, log } = options;
  const presence = createPresence(options);
  let changed = (): void => undefined;
  const isNeeded = (): boolean => [...state.applications.values()].some(({ account }) => account !== "");
  return {
    name: "accounts",
    assume(application, { namespace, sync }) {
      const name = sync.serviceAccount || options.defaultServiceAccount;
      const account = name === "" ? "" : formatAccount({ namespace: namespace || "default", name });
      if (application.account === account) return;
      application.account = account;
      // The inventory names it too: what is to be removed after the disk was lost is removed with the same rights.
      application.shape += 1;
      for (const record of application.objects.values()) clearObstacle(record);
      changed();
    },
    kubeFor({ account }) {
      const serviceAccount = parseAccount(account);
      if (serviceAccount === undefined) return kube;
      const own = asUser(kube, userOf(serviceAccount));
      return {
        ...own,
        async request(request, signal) {
          await presence.require(account, signal);
          return own.request(request, signal);
        },
      };
    },
    async hindranceOf({ account }, signal) {
      if (account === "") return undefined;
      try {
        await presence.require(account, signal);
        return undefined;
      } catch (cause) {
        if (signal.aborted) throw cause;
        const { reason, message } = troubleOfError(DroverError.from(cause));
        return { reason, message };
      }
    },
    update: () => changed(),
    async run(signal) {
      const what = { api: kube, resource: serviceAccounts, labelSelector: "", metadataOnly: true, clock, random, log };
      while (!signal.aborted) {
        if (!isNeeded()) {
          presence.forget();
          await untilWoken(clock, Number.POSITIVE_INFINITY, { signal, onWake: (call) => (changed = call) });
          continue;
        }
        const enough = new AbortController();
        changed = () => (isNeeded() ? undefined : enough.abort());
        await watchKind(what, presence.handler, AbortSignal.any([signal, enough.signal]));
      }
    },
  };
}

/** Which of the accounts that are used are there. Nothing is kept of the others. */
interface Presence {
  /** Throws why there is no account whose rights could be used. */
  require(account: string, signal: AbortSignal): Promise<void>;
  readonly handler: WatchHandler;
  forget(): void;
}

function createPresence(options: AccountsOptions): Presence {
  const { kube, state } = options;
  const present = new Map<string, boolean>();
  const unseen = new Set<string>();
  const note = (account: string, isThere: boolean): void => {
    if (present.get(account) === isThere) return;
    present.set(account, isThere);
    wakeUsers(options, account);
  };
  const noteUsed = (object: JsonRecord, isThere: boolean): void => {
    const namespace = textAt(object, "metadata", "namespace") ?? "";
    const account = formatAccount({ namespace, name: textAt(object, "metadata", "name") ?? "" });
    unseen.delete(account);
    if ([...state.applications.values()].some((application) => application.account === account)) note(account, isThere);
  };
  return {
    async require(account, signal) {
      if (!present.has(account)) note(account, await isThere(kube, account, signal));
      if (present.get(account) !== true) throw new DroverError("service_account_missing", describeMissing(account));
    },
    handler: {
      seen: (object) => noteUsed(object, true),
      left: (object) => noteUsed(object, false),
      listing() {
        unseen.clear();
        for (const account of present.keys()) unseen.add(account);
      },
      listed() {
        for (const account of unseen) note(account, false);
      },
      // What is not watched is asked for when it is needed.
      interrupted: () => present.clear(),
      lost: () => present.clear(),
    },
    forget: () => present.clear(),
  };
}

async function isThere(kube: KubeApi, account: string, signal: AbortSignal): Promise<boolean> {
  const at = parseAccount(account) ?? { namespace: "", name: "" };
  const found = await getObject(kube, { resource: serviceAccounts, at, metadataOnly: true }, signal);
  if (found.kind !== "refused") return found.kind === "found";
  const { status } = found.refusal;
  const code = status === 403 ? "forbidden" : "api_unreachable";
  throw new DroverError(code, `the agent cannot see service account ${account}: the API server answered ${status}`, {
    hint: "grant the agent get, list and watch on serviceaccounts",
  });
}

function describeMissing(account: string): string {
  return `service account ${account} does not exist; nothing is written or deleted until it does: create it, or name another`;
}

/** What failed for want of the account is tried again, and what is to be shown of its applications has changed. */
function wakeUsers({ state, wake, log }: AccountsOptions, account: string): void {
  for (const application of state.applications.values()) {
    if (application.account !== account) continue;
    for (const record of application.objects.values()) {
      if (record.obstacle?.reason === accountMissing) clearObstacle(record);
    }
    log.info({ application: application.name, account }, "service account came or went");
    wake(application.name);
  }
}
