import type { Decision, Outcome } from "../api/backend.ts";
import { changedFields, type AuditEntry } from "../core/audit.ts";
import type { AccessStore } from "../store/access-store.ts";
import type { Store } from "../store/store.ts";

/** Characters of a field, and names of fields. Who asks, and for what, comes from outside. */
const longest = 300;
const mostChanged = 100;

/** What an outcome leaves in the audit log: no field is longer than `longest`. */
export function auditEntry(decision: Decision, outcome: Outcome, rest: Pick<AuditEntry, "at" | "changed">): AuditEntry {
  const { actor, person, verb, kind, name, request, address } = decision;
  const { result, reason } = outcome;
  return {
    ...short({ actor, verb, kind, name, request, address, result, reason }),
    ...(person === undefined ? {} : { person: short({ ...person }) }),
    at: rest.at,
    changed: rest.changed.slice(0, mostChanged).map((field) => field.slice(0, longest)),
  };
}

function short<Fields extends Readonly<Record<string, string>>>(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name, text.slice(0, longest)])) as Fields;
}

type Change = readonly [before: object | undefined, after: object | undefined];
type Decide = (name: string, change: Change, write: () => void, isLast?: boolean) => void;

/**
 * The same store, of which every write that people ask for is in one transaction with its entry in the audit log, and the
 * one that a decision is done with also with that it was asked for. Should the hub die before that one, the decision
 * counts as not made: asked for again, it makes the same writes and goes on.
 */
export function auditedStore(store: Store, decision: Decision, now: () => number): Store {
  const decide: Decide = (name, [before, after], write, isLast = true) => {
    // What a request leaves to the hub to call gets its name here.
    const named = decision.name === "" ? { ...decision, name } : decision;
    const changed = changedFields(before, after);
    const entry = auditEntry(named, { result: "done", reason: "" }, { at: now(), changed });
    store.decide(entry, write, isLast ? decision.receipt : undefined);
    decision.changes += 1;
  };
  const writes: Partial<Store> = {
    putSource: (source) => decide(source.name, [store.source(source.name), source], () => store.putSource(source)),
    deleteSource: (name) => decide(name, [store.source(name), undefined], () => store.deleteSource(name)),
    putCredential: (credential) =>
      decide(credential.name, [store.credential(credential.name), credential], () => store.putCredential(credential)),
    deleteCredential: (name) => decide(name, [store.credential(name), undefined], () => store.deleteCredential(name)),
    putCluster(cluster) {
      // Who speaks for an accepted cluster is written after who it is.
      const isLast = decision.verb !== "accept";
      decide(cluster.name, [store.cluster(cluster.name), cluster], () => store.putCluster(cluster), isLast);
    },
    deleteCluster: (name) => decide(name, [store.cluster(name), undefined], () => store.deleteCluster(name)),
    putRollouts(rollouts) {
      const [first] = rollouts;
      if (first === undefined) return;
      const before = store.rolloutsOf(first.app).find(({ strategy }) => strategy === first.strategy);
      decide(first.app, [before, first], () => store.putRollouts(rollouts));
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
      put(enrolment) {
        const change: Change = [store.enrolments.get(enrolment.cluster), enrolment];
        // Nobody speaks any more for a cluster that is deleted after that.
        decide(enrolment.cluster, change, () => store.enrolments.put(enrolment), decision.verb !== "delete");
      },
    },
    access: auditedAccess(store.access, decide),
  };
  return new Proxy(store, {
    get(target, key) {
      if (Object.hasOwn(writes, key)) return Reflect.get(writes, key) as unknown;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function auditedAccess(access: AccessStore, decide: Decide): AccessStore {
  return {
    tokens: () => access.tokens(),
    token: (id) => access.token(id),
    receipt: (id) => access.receipt(id),
    putReceipt: (receipt) => access.putReceipt(receipt),
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
  };
}
