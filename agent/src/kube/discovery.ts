import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";
import { recordsAt, textAt } from "@drover/shared/json";

import { apiVersionOf, expectKind, type KubeApi, type Resource } from "./api.ts";

/** A kind in one version, as a manifest names it. */
export interface VersionedKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

/**
 * Which kinds a server has. Asked for each group version when it is first needed (one small request each) instead of
 * all at once: a broken aggregated API then stops nobody who does not use it, and a new kind is found at once.
 */
export interface Discovery {
  /** undefined when the server lacks the kind. Throws `api_unreachable` when it cannot tell. */
  find(kind: VersionedKind, signal: AbortSignal): Promise<Resource | undefined>;
  /**
   * Like `find`; when that version is gone, the kind in a version that the server prefers. undefined only when the
   * server's list of groups says so too: throws when a group that it lists cannot be asked.
   */
  findAnyVersion(kind: VersionedKind, signal: AbortSignal): Promise<Resource | undefined>;
  /** What `find` has found before; no request. */
  known(kind: VersionedKind): Resource | undefined;
  /** To be called when kinds of the group may have come or gone. */
  forget(group: string): void;
}

const recentMs = 250;

type Kinds = ReadonlyMap<string, Resource>;
/** Of a group version that was answered with 404. */
const noKinds: Kinds = new Map();

export function createDiscovery(api: KubeApi, clock: Pick<Clock, "now">): Discovery {
  const cache = new Map<string, Kinds>();
  /** The newest answers, also such as held no kinds: a bundle full of one missing kind then costs one request. */
  const recent = new Map<string, { readonly kinds: Kinds; readonly until: number }>();
  const asking = new Map<string, Promise<Kinds>>();

  const ask = async (group: string, version: string, signal: AbortSignal): Promise<Kinds> => {
    const kinds = await fetchKinds(api, { group, version }, signal);
    const apiVersion = apiVersionOf({ group, version });
    if (kinds.size > 0) cache.set(apiVersion, kinds);
    recent.set(apiVersion, { kinds, until: clock.now() + recentMs });
    return kinds;
  };
  const askOnce = (group: string, version: string, signal: AbortSignal): Promise<Kinds> => {
    const apiVersion = apiVersionOf({ group, version });
    const last = recent.get(apiVersion);
    if (last !== undefined && clock.now() < last.until) return Promise.resolve(last.kinds);
    const running = asking.get(apiVersion);
    if (running !== undefined) return running;
    const started = ask(group, version, signal).finally(() => asking.delete(apiVersion));
    asking.set(apiVersion, started);
    return started;
  };
  const discovery: Discovery = {
    known: ({ group, version, kind }) => cache.get(apiVersionOf({ group, version }))?.get(kind),
    async find(kind, signal) {
      const known = discovery.known(kind);
      if (known !== undefined) return known;
      return (await askOnce(kind.group, kind.version, signal)).get(kind.kind);
    },
    async findAnyVersion(kind, signal) {
      const same = await discovery.find(kind, signal);
      if (same !== undefined) return same;
      for (const version of await fetchVersions(api, kind.group, signal)) {
        const kinds = await askOnce(kind.group, version, signal);
        if (kinds === noKinds) throw cannotTell(404, apiVersionOf({ group: kind.group, version }));
        const other = kinds.get(kind.kind);
        if (other !== undefined) return other;
      }
      return undefined;
    },
    forget(group) {
      for (const answers of [cache, recent]) {
        for (const apiVersion of answers.keys()) if (isOf(group, apiVersion)) answers.delete(apiVersion);
      }
    },
  };
  return discovery;
}

function isOf(group: string, apiVersion: string): boolean {
  return group === "" ? !apiVersion.includes("/") : apiVersion.startsWith(`${group}/`);
}

async function fetchKinds(
  api: KubeApi,
  { group, version }: { readonly group: string; readonly version: string },
  signal: AbortSignal,
): Promise<Kinds> {
  const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const answer = await api.request({ method: "GET", path }, signal);
  if (answer.kind === "refused") return refusedAs(answer.refusal.status, path);
  expectKind(answer.body, "APIResourceList", `GET ${path}`);
  const kinds = new Map<string, Resource>();
  const entries = recordsAt(answer.body, "resources");
  const names = new Set(entries.map((entry) => textAt(entry, "name")));
  for (const entry of entries) {
    const plural = textAt(entry, "name");
    const kind = textAt(entry, "kind");
    // Names with a slash are subresources; some of them carry another kind.
    if (plural === undefined || kind === undefined || plural.includes("/")) continue;
    const scalable = names.has(`${plural}/scale`) && names.has(`${plural}/status`);
    const resource = { group, version, kind, plural, namespaced: entry["namespaced"] === true };
    kinds.set(kind, scalable ? { ...resource, scalable } : resource);
  }
  return kinds;
}

/**
 * From the list of all groups. Whoever asks means to give up what he cannot find, so a 404 must not do: whatever stands
 * in front of a server may answer that, where a list that lacks the group can only come from the server.
 */
async function fetchVersions(api: KubeApi, name: string, signal: AbortSignal): Promise<readonly string[]> {
  if (name === "") return ["v1"];
  const answer = await api.request({ method: "GET", path: "/apis" }, signal);
  if (answer.kind === "refused") throw cannotTell(answer.refusal.status, "/apis");
  expectKind(answer.body, "APIGroupList", "GET /apis");
  const group = recordsAt(answer.body, "groups").find((other) => textAt(other, "name") === name);
  const preferred = textAt(group, "preferredVersion", "version");
  const all = recordsAt(group, "versions").map((version) => textAt(version, "version"));
  return [...new Set([preferred, ...all])].filter((version) => version !== undefined);
}

/** 404 means that the group version does not exist; anything else only that the server cannot tell now. */
function refusedAs(status: number, path: string): Kinds {
  if (status === 404) return noKinds;
  throw cannotTell(status, path);
}

function cannotTell(status: number, path: string): DroverError {
  return new DroverError("api_unreachable", `the API server answered ${status} to GET ${path}`);
}
