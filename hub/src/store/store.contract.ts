import { encodeBundle, encodeObject } from "@drover/shared/bundle";
import { afterEach, describe, expect, it } from "vitest";

import { auditOrigin, firstBroken } from "../core/audit.ts";
import { firstEnrolment } from "../core/enrolment.ts";
import type { Rollout } from "../core/rollout/rollout.ts";
import type { TokenRecord } from "./access-store.ts";
import { auditEntry, targetRecord } from "./records.fixture.ts";
import {
  clusterDefaults,
  sourceDefaults,
  type ClusterRecord,
  type CredentialRecord,
  type ObservedRecord,
  type SourceRecord,
  type Store,
} from "./store.ts";

export interface StoreUnderTest {
  /** Opens the same store again after `close`, or a fresh one the first time. */
  open(): Store;
  remove(): void;
}

/** What every store keeps. */
export function describeStore(name: string, create: () => StoreUnderTest): void {
  describe(`${name} store`, () => {
    let subject: StoreUnderTest | undefined;
    const begin = (): { subject: StoreUnderTest; store: Store } => {
      subject = create();
      return { subject, store: subject.open() };
    };
    afterEach(() => {
      subject?.remove();
    });

    it("keeps its identity, sources, clusters, targets, blobs, observations and events over a restart", () => {
      const { subject, store } = begin();
      const { bundle, blobs } = encodeBundle([configMap("a")]);
      store.putSource(source);
      store.putCluster(cluster("dev-1"));
      store.assign({ put: [targetRecord("web", "dev-1", bundle.digest)], forget: [], blobs });
      store.observe(observed("web", "dev-1"));
      const event = store.appendEvent({ at: 5, type: "commit", app: "", cluster: "", message: "main@1" });
      const identity = [store.hubId, store.era];
      store.close();

      const again = subject.open();
      expect([again.hubId, again.era]).toEqual(identity);
      expect(again.sources()).toEqual([source]);
      const history = store.cluster("dev-1")?.history;
      expect(again.cluster("dev-1")).toEqual({ ...cluster("dev-1"), generation: 1, history });
      expect(history).toHaveLength(1);
      expect(again.targetsOf("web")).toEqual([targetRecord("web", "dev-1", bundle.digest)]);
      expect(again.blob(bundle.digest)).toEqual(blobs.get(bundle.digest));
      expect(again.observed({ app: "web", cluster: "dev-1" })).toEqual(observed("web", "dev-1"));
      expect(again.events()).toEqual([event]);
      again.close();
    });

    it("keeps tokens as they were put last, and not those that were deleted", () => {
      const { subject, store } = begin();
      for (const name of ["ci", "old"]) store.access.putToken({ ...token, id: name, name });
      store.access.putToken({ ...token, id: "ci", name: "ci", usedAtMs: 9 });
      store.access.deleteToken("old");
      store.close();
      const again = subject.open();
      expect(again.access.tokens()).toEqual([{ ...token, id: "ci", name: "ci", usedAtMs: 9 }]);
      expect([again.access.token("ci")?.name, again.access.token("old")]).toEqual(["ci", undefined]);
      again.close();
    });

    it("keeps digests that were pinned, of each name the newest", () => {
      const { subject, store } = begin();
      store.pins.set("first", digestA);
      store.pins.set("moved", digestA);
      store.pins.set("moved", `${digestA.slice(0, -1)}0`);
      store.close();
      const again = subject.open();
      expect([again.pins.get("first"), again.pins.get("moved"), again.pins.get("none")]).toEqual([
        digestA,
        `${digestA.slice(0, -1)}0`,
        undefined,
      ]);
      again.close();
    });

    it("keeps what was noted of a source, and whatever followed from it", () => {
      const { subject, store } = begin();
      store.putSource(source);
      const noted = { ...source, accepted: { id: "c".repeat(40), ref: "refs/heads/main" } };
      store.noteSource(noted);
      store.assign({ put: [targetRecord("web", "dev-1", digestA)], forget: [], blobs: new Map() });
      expect(store.source(source.name)).toEqual(noted);
      store.close();
      const again = subject.open();
      expect(again.source(source.name)).toEqual(noted);
      again.close();
    });

    it("R26: has for what was decided its row in the audit log, of calls that write several things too", () => {
      const { subject, store } = begin();
      const decide = (name: string, write: () => void) => store.decide({ ...auditEntry, name }, write);
      decide("source", () => store.putSource(source));
      decide("token", () => store.access.putToken(token));
      decide("cluster", () => {
        store.putCluster(cluster("dev-1"));
        store.assign({ put: [targetRecord("web", "dev-1", digestA)], forget: [], blobs: new Map() });
      });
      decide("removal", () => store.deleteCluster("dev-1"));
      decide("nothing", () => undefined);
      store.putSource(source);
      store.close();
      const again = subject.open();
      const rows = again.access.audit(0, 10);
      expect(rows.map(({ id, name }) => `${id} ${name}`)).toEqual([
        "1 source",
        "2 token",
        "3 cluster",
        "4 removal",
        "5 nothing",
      ]);
      expect(firstBroken(rows, auditOrigin)).toBeUndefined();
      expect(again.access.auditEnds()).toEqual({ first: auditOrigin, last: { id: 5, hash: rows[4]?.hash } });
      expect(again.access.audit(3, 1)).toEqual([rows[3]]);
      again.close();
    });

    it("R26: has neither the row nor the change when the call fails", () => {
      const { store } = begin();
      const fails = (): void => {
        throw new Error("refused");
      };
      expect(() => store.decide(auditEntry, fails)).toThrow("refused");
      store.putSource(source);
      expect(store.access.audit(0, 10)).toEqual([]);
      store.close();
    });

    it("keeps credentials as they were put last, and not those that were deleted", () => {
      const { subject, store } = begin();
      for (const name of ["git", "charts", "old"]) store.putCredential({ ...credential, name });
      store.putCredential({ ...credential, password: "new" });
      store.deleteCredential("old");
      store.deleteCredential("never");
      store.close();
      const again = subject.open();
      expect(again.credentials()).toEqual([
        { ...credential, password: "new" },
        { ...credential, name: "git" },
      ]);
      expect(again.credential("charts")?.password).toBe("new");
      expect(again.credential("old")).toBeUndefined();
      again.close();
    });

    it("keeps rollouts, with what a release put, and what was confirmed, until they are deleted", () => {
      const { subject, store } = begin();
      const { bundle, blobs } = encodeBundle([configMap("a")]);
      store.putCluster(cluster("dev-1"));
      const put = [targetRecord("web", "dev-1", digestA)];
      store.assign({
        put,
        forget: [],
        blobs,
        rollouts: [rollout("a", { "dev-1": targetRecord("web", "dev-1", bundle.digest) })],
      });
      store.putRollouts([rollout("b", {})]);
      store.confirmReach("web", "d1");
      store.close();

      const again = subject.open();
      expect(again.rolloutsOf("web").map(({ strategy }) => strategy)).toEqual(["a", "b"]);
      expect([again.confirmedReach("web"), again.confirmedReach("api")]).toEqual(["d1", ""]);
      // A cluster may have to go back to it.
      expect([again.collectBlobs(), again.blob(bundle.digest)]).toEqual([0, blobs.get(bundle.digest)]);
      for (const one of again.rolloutsOf("web")) again.deleteRollout(one);
      again.confirmReach("web", "");
      expect([again.rolloutsOf("web"), again.confirmedReach("web"), again.collectBlobs()]).toEqual([[], "", 2]);
      again.close();
    });

    it("raises the generation once for each change, and only of the clusters that the change touches", () => {
      const { store } = begin();
      store.putCluster(cluster("dev-1"));
      store.putCluster(cluster("prod-1"));
      const put = [targetRecord("web", "dev-1", digestA), targetRecord("api", "dev-1", digestA)];
      store.assign({ put, forget: [], blobs: new Map() });
      expect(store.clusters().map((record) => [record.name, record.generation])).toEqual([
        ["dev-1", 1],
        ["prod-1", 0],
      ]);
      store.assign({ put: [], forget: [{ app: "web", cluster: "dev-1" }], blobs: new Map() });
      expect(store.cluster("dev-1")?.generation).toBe(2);
      expect(store.targetsOn("dev-1").map((record) => record.app)).toEqual(["api"]);
      store.close();
    });

    it("collects only blobs that no target needs", () => {
      const { store } = begin();
      store.putCluster(cluster("dev-1"));
      const old = encodeBundle([configMap("a"), configMap("b")]);
      const next = encodeBundle([configMap("b")]);
      store.assign({ put: [targetRecord("web", "dev-1", old.bundle.digest)], forget: [], blobs: old.blobs });
      expect(store.collectBlobs()).toBe(0);
      store.assign({ put: [targetRecord("web", "dev-1", next.bundle.digest)], forget: [], blobs: next.blobs });
      expect(store.collectBlobs()).toBe(2);
      for (const digest of next.blobs.keys()) expect(store.blob(digest)).toBeDefined();
      store.close();
    });

    it("keeps the list of APIs that a cluster has, and collects it when none has it any more", () => {
      const { subject, store } = begin();
      const lists = ["v1", "v2"].map((name) => encodeObject(configMap(name)));
      const [list, next] = lists.map(({ digest }) => digest);
      store.putCluster(cluster("dev-1"));
      for (const blob of lists) store.keep(blob);
      store.touchCluster("dev-1", { seenAtMs: 1, ...(list === undefined ? {} : { apis: list }) });
      expect(store.collectBlobs()).toBe(1);
      expect(store.blob(next ?? "")).toBeUndefined();
      store.close();
      const again = subject.open();
      expect(again.cluster("dev-1")?.apis).toBe(list);
      expect(again.blob(list ?? "")).toEqual(lists[0]?.bytes);
      again.deleteCluster("dev-1");
      expect(again.collectBlobs()).toBe(1);
      again.close();
    });

    it("forgets everything of a removed cluster and nothing of the others", () => {
      const { subject, store } = begin();
      for (const name of ["dev-1", "prod-1"]) {
        store.putCluster(cluster(name));
        store.assign({ put: [targetRecord("web", name, digestA)], forget: [], blobs: new Map() });
        store.observe(observed("web", name));
      }
      store.deleteCluster("dev-1");
      store.close();
      const again = subject.open();
      expect(again.targetsOf("web").map((record) => record.cluster)).toEqual(["prod-1"]);
      expect(again.observed({ app: "web", cluster: "dev-1" })).toBeUndefined();
      again.close();
    });

    it("uses a join token up in the same step in which the cluster joins", () => {
      const { subject, store } = begin();
      const token = { id: "t1", cluster: "dev-1", secretHash: "ab", expiresAtMs: 1000, usedBy: "" };
      store.putJoinToken(token);
      store.join({ ...token, usedBy: "key" }, { ...cluster("dev-1"), uid: "u1" }, firstEnrolment("dev-1", 5));
      store.close();
      const again = subject.open();
      expect(again.joinToken("t1")?.usedBy).toBe("key");
      expect(again.cluster("dev-1")?.uid).toBe("u1");
      expect(again.enrolments.get("dev-1")).toEqual(firstEnrolment("dev-1", 5));
      again.close();
    });

    it("keeps the enrolment of a cluster that was removed, and forgets it after a while", () => {
      const { subject, store } = begin();
      store.putCluster(cluster("dev-1"));
      store.putCluster(cluster("dev-2"));
      for (const name of ["dev-1", "dev-2"]) store.enrolments.put({ ...firstEnrolment(name, 5), oldest: 3 });
      store.deleteCluster("dev-1");
      store.enrolments.forget(5, isRegistered(store));
      store.close();
      const again = subject.open();
      expect(again.enrolments.get("dev-1")?.oldest).toBe(3);
      again.enrolments.forget(6, isRegistered(again));
      expect(again.enrolments.get("dev-1")).toBeUndefined();
      expect(again.enrolments.get("dev-2")?.oldest).toBe(3);
      again.close();
    });

    it("bounds the events and never gives a number twice", () => {
      const { subject, store } = begin();
      for (let n = 0; n < 12_500; n += 1) {
        store.appendEvent({ at: n, type: "commit", app: "", cluster: "", message: "" });
      }
      expect(store.events().length).toBeLessThanOrEqual(12_000);
      store.close();
      const again = subject.open();
      expect(again.events().length).toBeLessThanOrEqual(10_000);
      expect(again.appendEvent({ at: 0, type: "commit", app: "", cluster: "", message: "" }).id).toBe(12_501);
      again.close();
    });
  });
}

const isRegistered = (store: Store) => (name: string) => store.cluster(name) !== undefined;
const digestA = `sha256:${"a".repeat(64)}`;
const token: TokenRecord = {
  id: "t1",
  name: "ci",
  sha256: "ab",
  roles: ["viewer"],
  scope: "env=prod",
  createdBy: "admin",
  createdAtMs: 1,
  expiresAtMs: 2,
  usedAtMs: 0,
};
const source: SourceRecord = {
  ...sourceDefaults,
  name: "config",
  url: "https://git.example/config.git",
  ref: "main",
  password: "secret",
  credential: "git",
  hostKeys: ["ssh-ed25519 AAAA"],
};

const credential: CredentialRecord = {
  name: "charts",
  prefix: "https://charts.example.org",
  username: "ci",
  password: "secret",
  ca: "",
  clientCertificate: "",
  clientKey: "",
  changedAtMs: 1,
  expiresAtMs: 0,
};

function cluster(name: string): ClusterRecord {
  return { ...clusterDefaults, name, labels: { env: "dev" } };
}

function observed(app: string, cluster: string): ObservedRecord {
  const state = { state: "current", reason: "", message: "", sinceMs: 3, observedAtMs: 4 } as const;
  return { app, cluster, report: undefined, ...state };
}

function configMap(name: string) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name } };
}

function rollout(strategy: string, previous: Rollout["previous"]): Rollout {
  const content = digestA;
  return {
    app: "web",
    strategy,
    content,
    revision: "c1",
    authors: [],
    startedAtMs: 5,
    pinned: {},
    released: [],
    waves: {},
    stopped: "",
    previous,
    excused: [],
  };
}
