import { expect, test } from "vitest";

import { missingApprovals, sayMissing, whyNotApprove, withApproval, type Approver } from "./approval.ts";
import { noProgress, type Rollout } from "./rollout.ts";

const separate = { count: 2, separate: true };
const rollout: Rollout = {
  app: "shop",
  strategy: "careful",
  content: "sha256:1",
  revision: "4be1f02aa1c09b2f",
  authors: ["ana@example.com", "bot@example.com"],
  startedAtMs: 0,
  pinned: {},
  released: [],
  waves: {},
  stopped: "",
  previous: {},
  excused: [],
};
const person = (name: string, email = `${name}@example.com`): Approver => ({
  name,
  principal: { id: `idp ${name}`, email },
});
const token: Approver = { name: "ci", principal: undefined };

const why = (approver: Approver, approval = separate, approvals = noProgress.approvals) =>
  whyNotApprove({ approval, progress: { approvals } }, rollout, approver);

test("who wrote it does not approve it, whatever they are called, and who cannot be told from them neither", () => {
  expect(why(person("ana"))?.reason).toBe(
    "ana cannot approve their own change: ana@example.com is the author of 4be1f02aa1c0",
  );
  expect(why(person("other", "bot@example.com"))?.reason).toContain("is the author");
  expect(why(person("bo", ""))?.reason).toContain("has verified no address of bo");
  expect(why(token)?.reason).toContain("the token ci is nobody's");
  expect(why(person("bo"))).toBeUndefined();
});

test("where nobody asks for that, anybody approves, once", () => {
  const any = { count: 2, separate: false };
  expect([why(token, any), why(person("ana"), any)]).toEqual([undefined, undefined]);
  const { approvals } = withApproval(rollout, "eu", person("ana"), noProgress).waves["eu"] ?? noProgress;
  const again = { name: "ana-ci", principal: { id: "idp ana", email: "" } };
  expect(why(again, any, approvals)).toEqual({
    reason: "ana-ci has approved it already, and it takes another person",
    isTwice: true,
  });
  expect(why(token, any, approvals)).toBeUndefined();
});

test("says how many are missing, and after whom", () => {
  const one = withApproval(rollout, "eu", person("bo"), noProgress).waves["eu"] ?? noProgress;
  expect(sayMissing({ count: 1, separate: false }, noProgress)).toBe("approval");
  expect(sayMissing({ count: 1, separate: true }, noProgress)).toBe("approval of one who did not write it");
  expect(sayMissing(separate, noProgress)).toBe("the approval of 2 who did not write it");
  expect(sayMissing(separate, one)).toBe("the approval of 1 more who did not write it, after bo");
  expect([missingApprovals(separate, one), missingApprovals({ count: 0, separate: false }, one)]).toEqual([1, 0]);
});
