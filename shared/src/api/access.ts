/** What a token may be for, the narrowest first. What each may do is in the hub's `core/access/roles`. */
export const roles = [
  "viewer",
  "editor",
  "approver",
  "rollout-operator",
  "cluster-registrar",
  "security-admin",
  "auditor",
  "owner",
] as const;

export type Role = (typeof roles)[number];
