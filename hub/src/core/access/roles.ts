import { roles, type Role } from "@drover/shared/api/access";

/** What is done something to. */
export const kinds = [
  "application",
  "audit",
  "cluster",
  "credential",
  "event",
  "session",
  "source",
  "store",
  "target",
  "token",
] as const;

export type Kind = (typeof kinds)[number];

/** What is done, beside reading and writing as such. */
export const verbs = [
  "read",
  "create",
  "update",
  "delete",
  "sync",
  "pause",
  "resume",
  "approve",
  "confirm",
  "join",
  "label",
  "cordon",
  "accept",
  "revoke",
  "rotate",
  "trust",
] as const;

export type Verb = (typeof verbs)[number];

/** What a request is allowed by: something is done to a kind of thing. */
export interface Permission {
  readonly verb: Verb;
  readonly kind: Kind;
}

type Rights = Readonly<Partial<Record<Kind, readonly Verb[]>>>;

const fleet: Rights = {
  application: ["read"],
  cluster: ["read"],
  event: ["read"],
  source: ["read"],
  target: ["read"],
};

/**
 * What each role may do; whatever is not here, nobody may but the owner. No role holds what it takes to give itself
 * another: who trusts keys cannot approve, who joins clusters cannot remove them.
 */
const rights: Readonly<Record<Exclude<Role, "owner">, readonly Rights[]>> = {
  viewer: [fleet],
  editor: [
    fleet,
    { application: ["sync"], source: ["create", "update", "delete", "sync"], target: ["sync"], credential: ["read"] },
  ],
  approver: [fleet, { application: ["approve", "confirm"], target: ["confirm"] }],
  "rollout-operator": [fleet, { application: ["pause", "resume", "sync"], target: ["sync"] }],
  "cluster-registrar": [{ cluster: ["read", "join", "label", "cordon", "accept"] }],
  "security-admin": [
    fleet,
    { cluster: ["delete", "revoke", "rotate"], credential: ["read", "create", "update", "delete"], source: ["trust"] },
    { audit: ["read"], store: ["read"], token: ["read", "create", "delete"], session: ["read", "delete"] },
  ],
  auditor: [fleet, { audit: ["read"], credential: ["read"], store: ["read"], token: ["read"], session: ["read"] }],
};

/** Whether a role may do it, wherever its holder's scope lets it. Deny is the default, and there is no wildcard but `owner`. */
export function mayRole(role: Role, { verb, kind }: Permission): boolean {
  if (role === "owner") return true;
  return rights[role].some((part) => part[kind]?.includes(verb) === true);
}

/** Whether one of these roles may do it. */
export function may(held: readonly Role[], permission: Permission): boolean {
  return held.some((role) => mayRole(role, permission));
}

/** Whether these roles hold all that another one may: nobody hands out more than they have. */
export function covers(held: readonly Role[], wanted: Role): boolean {
  if (wanted === "owner") return held.includes("owner");
  return rights[wanted].every((part) =>
    Object.entries(part).every(([kind, verbs]) => verbs.every((verb) => may(held, { verb, kind: kind as Kind }))),
  );
}

/** The roles that may do it. */
export function rolesThatMay(permission: Permission): readonly Role[] {
  return roles.filter((role) => mayRole(role, permission));
}
