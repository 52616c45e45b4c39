import type { Decision, Outcome } from "./api/backend.ts";
import { changedFields, type AuditEntry } from "./core/audit.ts";
import type { Store } from "./store/store.ts";

const longest = 300;

/** What an outcome leaves in the audit log. */
export function auditEntry(decision: Decision, outcome: Outcome, rest: Pick<AuditEntry, "at" | "changed">): AuditEntry {
  const { actor, person, verb, kind, name, request, address } = decision;
  const { result, reason } = outcome;
  const who = { actor, ...(person === undefined ? {} : { person: { ...person } }) };
  return { ...who, verb, kind, name, request, address, result, reason: reason.slice(0, longest), ...rest };
}

type Change = readonly [before: object | undefined, after: object | undefined];

/** The same store, of which every write that people ask for is in one transaction with its entry in the audit log. */
export function auditedStore(store: Store, decision: Decision, now: () => number): Store {
  const decide = (name: string, [before, after]: Change, write: () => void): void => {
    // What a request leaves to the hub to call gets its name here.
    const named = decision.name === "" ? { ...decision, name } : decision;
    const changed = changedFields(before, after);
    store.decide(auditEntry(named, { result: "done", reason: "" }, { at: now(), changed }), write);
    decision.changes += 1;
  };
  const { access } = store;
  const writes: Partial<Store> = {
    putSource: (source) => decide(source.name, [store.source(source.name), source], () => store.putSource(source)),
    deleteSource: (name) => decide(name, [store.source(name), undefined], () => store.deleteSource(name)),
    putCredential: (credential) =>
      decide(credential.name, [store.credential(credential.name), credential], () => store.putCredential(credential)),
    deleteCredential: (name) => decide(name, [store.credential(name), undefined], () => store.deleteCredential(name)),
    putCluster: (cluster) =>
      decide(cluster.name, [store.cluster(cluster.name), cluster], () => store.putCluster(cluster)),
    deleteCluster: (name) => decide(name, [store.cluster(name), undefined], () => store.deleteCluster(name)),
    putRollout(rollout) {
      const before = store.rolloutsOf(rollout.app).find(({ strategy }) => strategy === rollout.strategy);
      decide(rollout.app, [before, rollout], () => store.putRollout(rollout));
    },
    confirmReach: (app, digest) => decide(app, [undefined, { digest }], () => store.confirmReach(app, digest)),
    assign(change) {
      const [target] = change.put;
      decide(target?.app ?? "", [target && store.target(target), target], () => store.assign(change));
    },
    beginEpoch: (era) => decide("store", [undefined, era], () => store.beginEpoch(era)),
    enrolments: {
      get: (cluster) => store.enrolments.get(cluster),
      forget: (beforeMs, isRegistered) => store.enrolments.forget(beforeMs, isRegistered),
      put: (enrolment) =>
        decide(enrolment.cluster, [store.enrolments.get(enrolment.cluster), enrolment], () =>
          store.enrolments.put(enrolment),
        ),
    },
    access: {
      tokens: () => access.tokens(),
      token: (id) => access.token(id),
      sessions: () => access.sessions(),
      session: (id) => access.session(id),
      audit: (after, limit) => access.audit(after, limit),
      auditEnds: () => access.auditEnds(),
      putToken: (token) => decide(token.name, [access.token(token.id), token], () => access.putToken(token)),
      putSession: (session, forget) =>
        decide(session.name, [access.session(session.id), session], () => access.putSession(session, forget)),
      deleteSession: (id) =>
        decide(access.session(id)?.name ?? "", [access.session(id), undefined], () => access.deleteSession(id)),
      deleteToken: (id) =>
        decide(access.token(id)?.name ?? "", [access.token(id), undefined], () => access.deleteToken(id)),
    },
  };
  return new Proxy(store, {
    get(target, key) {
      if (Object.hasOwn(writes, key)) return Reflect.get(writes, key) as unknown;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
