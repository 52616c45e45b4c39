import { Type, type Static, type TSchema } from "typebox";

import { targetStates, type TargetState } from "../state.ts";
import { clusterFactFields } from "./cluster-facts.ts";
import { labels } from "./join.ts";
import { heldPlacementSchema, rolloutSchema } from "./rollouts.ts";
import { signedBySchema } from "./signers.ts";

/** The admin API's resources. This one source gives request validation, OpenAPI, and the types of CLI and console. */

const text = (description: string) => Type.String({ description });
const time = (description: string) => Type.Integer({ description: `${description}, in ms since the epoch` });

export const stateSchema = Type.Enum([...targetStates], {
  description: "State of a target, an application, a cluster or a source",
});

export const conditionSchema = Type.Object({
  type: text("Aspect: Ready, Fetched, Rendered, Placed …"),
  status: Type.Union([Type.Literal("True"), Type.Literal("False"), Type.Literal("Unknown")]),
  reason: text("Stable CamelCase reason"),
  message: text("One sentence"),
  since: time("Since when the status holds"),
});

export const positionSchema = Type.Object({ file: Type.String(), line: Type.Integer(), column: Type.Integer() });

export const problemSchema = Type.Object({
  code: text("Stable kebab-case code"),
  severity: Type.Union([Type.Literal("error"), Type.Literal("warning")]),
  message: text("One sentence"),
  at: Type.Optional(positionSchema),
  hint: Type.Optional(text("What to do")),
});

export const clusterSchema = Type.Object({
  name: text("Name, unique in the hub"),
  uid: text("uid of the cluster's kube-system namespace; empty until it has joined"),
  state: stateSchema,
  reason: text("Why it is in this state; empty when current"),
  since: time("Since when it is in this state"),
  labels,
  applications: Type.Object({ current: Type.Integer(), total: Type.Integer() }),
  drifted: Type.Integer({ description: "Targets with drift that is not repaired" }),
  connected: Type.Boolean(),
  seen: time("When the agent last spoke; 0 = never"),
  ...clusterFactFields,
  cordoned: text("Why it takes no application that it does not have; empty when it does"),
  standing: Type.Object(
    {
      staleSince: time("Since when its agent has had no beat of this hub in time, on its own clock; 0 = it has"),
      policy: text("Digest of the policy that the cluster sets its agent; empty = none that is known"),
      frozen: Type.Boolean({ description: "Whether that policy lets it take nothing new and delete nothing" }),
    },
    { description: "What keeps its agent from doing all that is assigned, as it said on this connection" },
  ),
});

export const targetSchema = Type.Object({
  app: text("Application"),
  cluster: text("Cluster"),
  state: stateSchema,
  revision: text("Commit that is desired"),
  appliedRevision: text("Commit that was last applied whole; empty = none"),
  reason: text("Stable CamelCase reason; empty when current"),
  message: text("One sentence; empty when current"),
  since: time("Since when it is in this state"),
  bundle: text("Digest of the desired bundle"),
  objects: Type.Object({ current: Type.Integer(), total: Type.Integer() }),
  drifted: Type.Integer({ description: "Objects with drift that is not repaired" }),
  timings: Type.Object(
    {
      seen: Type.Integer(),
      assigned: Type.Integer(),
      received: Type.Integer(),
      applied: Type.Integer(),
      observed: Type.Integer(),
    },
    {
      description: "When the change passed each hop, in ms since the epoch, each on the clock of the hop; 0 = not yet",
    },
  ),
});

const heldPruneSchema = Type.Object(
  {
    digest: text("Names exactly the objects that wait: what is confirmed is this and nothing else"),
    objects: Type.Integer({
      description: "How many; those of `items` that are `held`, or that failed as hooks of a removal (`HookFailed`)",
    }),
    reason: text("Stable CamelCase reason"),
  },
  { description: "Deletions, or hooks of a removal that failed, that a person has to confirm; absent when none wait" },
);

export const targetDetailSchema = Type.Intersect([
  targetSchema,
  Type.Object({
    overrides: Type.Array(text("Override that applies: file:line")),
    placement: text("Placement that put it here: name and file:line"),
    conditions: Type.Array(conditionSchema),
    heldPrune: Type.Optional(heldPruneSchema),
    items: Type.Array(
      Type.Object({
        object: text("Deployment.apps shop/web"),
        apply: Type.String(),
        health: Type.String(),
        reason: Type.String(),
        message: Type.String(),
        drift: Type.Optional(
          Type.Object({
            paths: Type.Array(Type.String()),
            by: Type.String(),
            found: Type.Integer(),
            repaired: Type.Boolean(),
          }),
        ),
      }),
    ),
  }),
]);

export const applicationSchema = Type.Object({
  name: Type.String(),
  state: stateSchema,
  reason: text("Why; for no-targets: which selector matches nothing and what comes nearest"),
  since: time("Since when it is in this state"),
  targets: Type.Object({ current: Type.Integer(), total: Type.Integer() }),
  revision: text("main@4be1f02, or empty"),
  source: text("repository//path"),
  declared: text("file:line of its declaration"),
});

export const applicationDetailSchema = Type.Intersect([
  applicationSchema,
  Type.Object({
    conditions: Type.Array(conditionSchema),
    problems: Type.Array(problemSchema),
    states: Type.Record(Type.String(), Type.Integer(), { description: "Number of targets by state" }),
    rollouts: Type.Array(rolloutSchema),
    held: Type.Array(heldPlacementSchema),
    objects: Type.Array(text("Deployment.apps shop/web"), { description: "Of its targets; at most 5,000" }),
  }),
]);

export const sourceSchema = Type.Object({
  name: Type.String(),
  url: text("Address without credentials"),
  credential: text("Name of the credential that it is read with; empty = none"),
  ref: text("Branch, tag or commit"),
  version: text("Range of versions, of which the newest tag is read; empty = none"),
  path: text("Folder in the repository that is read; empty = all of it"),
  declaredIn: text("The source whose files declare it; empty = it was added to the hub"),
  intervalSeconds: Type.Number({ minimum: 1 }),
  state: stateSchema,
  reason: Type.String(),
  since: time("Since when it is in this state"),
  revision: text("Commit that was read last; empty = none yet"),
  fetched: time("When it was last fetched with success; 0 = never"),
  applications: Type.Integer(),
});

export const sourceDetailSchema = Type.Intersect([
  sourceSchema,
  Type.Object({
    conditions: Type.Array(conditionSchema),
    problems: Type.Array(problemSchema),
    hostKeys: Type.Array(text("Pinned key of the SSH server: kind and SHA-256 fingerprint")),
    signers: Type.Array(text("Name and fingerprint of a key; one of them has to have signed what is read")),
  }),
]);

const hostKeys = Type.Array(Type.String({ minLength: 1, maxLength: 8192 }), {
  minItems: 1,
  maxItems: 16,
  description: "Keys of the SSH server, as ssh-keyscan prints them; a server that shows none of them is not talked to",
});

export const addSourceSchema = Type.Object(
  {
    name: Type.Optional(
      Type.String({
        pattern: "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$",
        description: "Default: the last part of the address",
      }),
    ),
    url: Type.String({ minLength: 1, description: "Address over http(s) or SSH, or a path on the hub's machine" }),
    ref: Type.Optional(text("Default: the repository's default branch")),
    version: Type.Optional(text("Range of versions such as 1.x: the newest tag in it is read")),
    path: Type.Optional(Type.String()),
    intervalSeconds: Type.Optional(Type.Number({ minimum: 1, maximum: 86_400, description: "Default: 60" })),
    username: Type.Optional(Type.String()),
    password: Type.Optional(text("Password or token; write-only")),
    credential: Type.Optional(text("Name of a credential that the hub holds, instead of user name and password")),
    hostKeys: Type.Optional(hostKeys),
    signedBy: Type.Optional(signedBySchema),
  },
  { additionalProperties: false },
);

/** Replaces what was pinned before. */
export const trustSourceSchema = Type.Object({ hostKeys }, { additionalProperties: false });

export const sourceIdentitySchema = Type.Object({
  name: text("Source"),
  publicKey: text("Deploy key of the source, as OpenSSH writes it: ssh-ed25519 AAAA… drover@NAME"),
  addTo: text("Where a person adds it"),
  hostKeys: Type.Array(text("Pinned key of the SSH server: kind and SHA-256 fingerprint")),
});

export const eventSchema = Type.Object({
  id: Type.Integer({ description: "Counts up; the cursor of the stream" }),
  at: time("When"),
  type: text("commit, applied, drifted, repaired, failed, degraded, offline, joined, pruned, problem …"),
  app: Type.String(),
  cluster: Type.String(),
  message: text("One sentence"),
});

const change = Type.Object({
  path: text("Kubernetes field path"),
  desired: Type.Optional(text("JSON text; masked for secrets")),
  live: Type.Optional(text("JSON text; masked for secrets")),
  by: Type.Optional(text("Field manager that owns the live value")),
});

export const diffSchema = Type.Object({
  app: Type.String(),
  cluster: Type.String(),
  identical: Type.Integer(),
  masked: Type.Integer({ description: "Secrets whose values were compared but are not shown" }),
  objects: Type.Array(
    Type.Object({
      object: text("Deployment.apps shop/web"),
      state: Type.Union([Type.Literal("changed"), Type.Literal("missing"), Type.Literal("extra")]),
      changes: Type.Array(change),
    }),
  ),
});

export interface TreeNode {
  readonly object: string;
  readonly health: string;
  readonly reason: string;
  readonly message: string;
  readonly children: readonly TreeNode[];
}

export const treeSchema = Type.Object({
  app: Type.String(),
  cluster: Type.String(),
  nodes: Type.Array(Type.Unsafe<TreeNode>(Type.Object({}, { additionalProperties: true }))),
});

const kubeObject = Type.Object({}, { additionalProperties: true, description: "A Kubernetes object" });

export const rbacSchema = Type.Object({
  app: Type.String(),
  cluster: Type.String(),
  serviceAccount: text("namespace/name whose rights these are"),
  named: Type.Boolean({ description: "Whether the application names it; false: the name is only proposed" }),
  account: Type.Array(kubeObject, { description: "What the service account needs, and the account itself" }),
  agent: Type.Array(kubeObject, { description: "What the agent needs: to act as the account, and to watch the kinds" }),
  unknownKinds: Type.Array(Type.String(), {
    description: "Kinds that the cluster lacks, whose rights are missing here",
  }),
});

export const confirmPruneSchema = Type.Object(
  { digest: text("`heldPrune.digest` of the target, as the person saw it") },
  { additionalProperties: false },
);

export const signTargetSchema = Type.Object(
  {
    bundle: text("Digest of the bundle that was signed"),
    keyId: Type.String({ pattern: "^[0-9a-f]{16}$", description: "Which key has signed" }),
    cluster: Type.String({ maxLength: 253, description: "Cluster that it is for; empty = every one" }),
    expiresAtMs: time("Until when it counts"),
    signature: Type.String({ pattern: "^[A-Za-z0-9+/]{86}==$", description: "Ed25519, base64" }),
  },
  { additionalProperties: false },
);

export const syncResultSchema = Type.Object({ targets: Type.Array(text("app@cluster that was asked")) });

export const versionSchema = Type.Object({ version: Type.String(), hub: text("Id of this hub"), node: Type.String() });

/** RFC 9457. */
export const problemDetailSchema = Type.Object({
  type: text("urn:drover:error:<code>"),
  title: text("The code in words"),
  status: Type.Integer(),
  detail: text("One sentence"),
  code: text("Stable code: scripts decide by it"),
  hint: Type.Optional(text("What to do, in one sentence or one command")),
  at: Type.Optional(positionSchema),
  errors: Type.Optional(
    Type.Array(
      Type.Object({ pointer: text("JSON pointer into the body, or the parameter's name"), message: Type.String() }),
      { description: "Everything that is wrong with the request, not only the first thing" },
    ),
  ),
  trace: text("Id of the request, as in the hub's log"),
});

/** The most items that one page of a list holds. */
export const maxPageSize = 500;

const page = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxPageSize, description: "Items a page; default 100" })),
  cursor: Type.Optional(text("`next` of the page before")),
};
const sorted = {
  ...page,
  sort: Type.Optional(
    Type.Enum(["name", "state"], { description: "`state` puts the worst first, then goes by name; default name" }),
  ),
  state: Type.Optional(text("Only these states; several with a comma")),
};
const exact = { additionalProperties: false } as const;

export const clusterQuerySchema = Type.Object(
  { ...sorted, labelSelector: Type.Optional(text("As kubectl takes it: `env=prod,tier in (gold,silver),!legacy`")) },
  exact,
);
export const applicationQuerySchema = Type.Object(sorted, exact);
export const sourceQuerySchema = Type.Object(sorted, exact);
export const targetQuerySchema = Type.Object(
  { ...sorted, app: Type.Optional(text("Only this application")), cluster: Type.Optional(text("Only this cluster")) },
  exact,
);

const eventFilter = {
  after: Type.Optional(Type.Integer({ minimum: 0, description: "Only events with a higher id" })),
  app: Type.Optional(text("Only of this application")),
  cluster: Type.Optional(text("Only of this cluster")),
  type: Type.Optional(text("Only of these types; several with a comma")),
};
export const eventQuerySchema = Type.Object({ limit: page.limit, ...eventFilter }, exact);
export const eventStreamQuerySchema = Type.Object(eventFilter, exact);

/** One page of a list. `states` counts what the other filters leave, so that it can offer the state filter. */
export const listSchema = <T extends TSchema>(item: T) =>
  Type.Object({
    items: Type.Array(item),
    next: Type.Optional(text("Cursor of the next page; absent on the last one")),
    total: Type.Integer({ description: "Items over all pages" }),
    states: Type.Record(Type.String(), Type.Integer(), {
      description: "Items by state over all pages, before the state filter",
    }),
  });

/** Events from `after` on, oldest first. */
export const eventListSchema = Type.Object({
  items: Type.Array(eventSchema),
  next: Type.Integer({ description: "`after` of the next page, or of the stream that goes on from here" }),
  oldest: Type.Integer({ description: "Oldest id that can still be read" }),
  newest: Type.Integer({ description: "Id of the newest event; 0 = none yet" }),
});

export type Cluster = Static<typeof clusterSchema>;
export type Target = Static<typeof targetSchema>;
export type TargetDetail = Static<typeof targetDetailSchema>;
export type Application = Static<typeof applicationSchema>;
export type ApplicationDetail = Static<typeof applicationDetailSchema>;
export type Source = Static<typeof sourceSchema>;
export type SourceDetail = Static<typeof sourceDetailSchema>;
export type AddSource = Static<typeof addSourceSchema>;
export type TrustSource = Static<typeof trustSourceSchema>;
export type SourceIdentity = Static<typeof sourceIdentitySchema>;
export type Event = Static<typeof eventSchema>;
export type DiffResult = Static<typeof diffSchema>;
export type TreeResult = Static<typeof treeSchema>;
export type RbacResult = Static<typeof rbacSchema>;
export type Version = Static<typeof versionSchema>;
export type ProblemDetail = Static<typeof problemDetailSchema>;
export type SignTarget = Static<typeof signTargetSchema>;
export type ConfirmPrune = Static<typeof confirmPruneSchema>;
export type SyncResult = Static<typeof syncResultSchema>;
export type EventList = Static<typeof eventListSchema>;
export type ClusterQuery = Static<typeof clusterQuerySchema>;
export type ApplicationQuery = Static<typeof applicationQuerySchema>;
export type SourceQuery = Static<typeof sourceQuerySchema>;
export type TargetQuery = Static<typeof targetQuerySchema>;
export type EventQuery = Static<typeof eventQuerySchema>;
export type EventStreamQuery = Static<typeof eventStreamQuerySchema>;

export interface List<T> {
  readonly items: T[];
  /** Cursor of the next page; absent on the last one. */
  readonly next?: string;
  /** Number of items over all pages. */
  readonly total: number;
  /** Number of items by state over all pages, before the state filter. */
  readonly states: Readonly<Partial<Record<TargetState, number>>>;
}
