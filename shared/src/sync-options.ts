/** What becomes of an object that exists and that no application owns (E45). */
export const adoptPolicies = ["never", "if-equal", "always"] as const;
export type AdoptPolicy = (typeof adoptPolicies)[number];

/** What an agent does about changes by others: undo them, undo them and remove what was added, or only tell of them. */
export const driftModes = ["repair", "strict", "report"] as const;
export type DriftMode = (typeof driftModes)[number];

/** How an agent treats the objects of one application: written in Git, carried by the assignment. */
export interface SyncOptions {
  /** `if-equal` takes an object over when no field that it has would get another value. */
  readonly adopt: AdoptPolicy;
  readonly drift: DriftMode;
  /** Fields that Git leaves to others. */
  readonly ignore: readonly IgnoreRule[];
  /** Whether an object whose immutable field changed may be deleted and made anew. */
  readonly recreate: boolean;
  /** Whether nothing at all is written when the server would refuse any object. */
  readonly allOrNothing: boolean;
  /** How long anything waits for a wave, a hook, an object or an application, in ms, before that counts as a failure. */
  readonly gateTimeoutMs: number;
  /** Applications that have to be current on the cluster before a new bundle of this one is taken. */
  readonly dependsOn: readonly string[];
  /** Service account, in the application's namespace, whose rights are used; "" = the agent's own. */
  readonly serviceAccount: string;
  readonly healthRules: readonly HealthRule[];
}

/** Which objects, which of their fields, and whose: everything that is empty matches all. */
export interface IgnoreRule {
  /** "" is the core group, `*` any. */
  readonly group: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** In the form of `formatFieldPath`: `spec.replicas`, `metadata.annotations[note]`. */
  readonly paths: readonly string[];
  /** Only while one of these field managers has the field; none = anybody. */
  readonly managers: readonly string[];
}

/**
 * How to tell the health of a kind: CEL expressions over `object`. The first that is true counts, in the order of the
 * fields; when none is, the object is progressing, or as the rule that is built in says when there is no `current`.
 * "" = no expression.
 */
export interface HealthRule {
  readonly group: string;
  readonly kind: string;
  readonly failed: string;
  readonly degraded: string;
  readonly progressing: string;
  readonly suspended: string;
  readonly current: string;
  /** Gives the text that says why. */
  readonly message: string;
}

export const defaultSync: SyncOptions = {
  adopt: "if-equal",
  drift: "repair",
  ignore: [],
  recreate: false,
  allOrNothing: false,
  gateTimeoutMs: 5 * 60_000,
  dependsOn: [],
  serviceAccount: "",
  healthRules: [],
};
