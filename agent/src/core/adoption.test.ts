import { describe, expect, it } from "vitest";

import { judgeAdoption, type Encounter } from "./adoption.ts";
import { ownerLabels } from "./owner.ts";

const owner = { application: "shop", id: "owner-1" };
const theirs = { application: "bank", id: "owner-2" };

function payload(data: object) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "x", labels: ownerLabels(owner) }, data };
}

function judge(data: object, more: Partial<Encounter> & { readonly labels?: object } = {}) {
  const { labels = {}, ...rest } = more;
  const managedFields = [{ manager: "kubectl-edit" }, { manager: "helm" }, { manager: "helm" }];
  const live = { metadata: { name: "x", uid: "u1", labels, managedFields }, data };
  return judgeAdoption({
    live,
    payload: payload({ a: "1", b: "2" }),
    owner,
    policy: "if-equal",
    uid: "",
    marked: undefined,
    ...rest,
  });
}

describe("adoption", () => {
  it("E45: if-equal takes an object that nothing would change of, fields that it lacks aside", () => {
    expect(judge({ a: "1", b: "2" })).toEqual({ kind: "adopt", changes: [] });
    expect(judge({ a: "1", c: "3" })).toEqual({ kind: "adopt", changes: [] });
  });

  it("E45: if-equal refuses one that would change, and says who has it and what to do", () => {
    expect(judge({ a: "0" })).toEqual({
      kind: "refuse",
      message:
        'it exists already, written by "kubectl-edit", "helm", and differs in data[a]; ' +
        "set sync.adopt: always to take it over",
    });
  });

  it("E45: never refuses whatever it is, always takes it and tells what changes", () => {
    expect(judge({ a: "1", b: "2" }, { policy: "never" }).kind).toBe("refuse");
    expect(judge({ a: "0" }, { policy: "always" })).toMatchObject({
      kind: "adopt",
      changes: [{ desired: "1", live: "0" }],
    });
  });

  it("is not asked about what is ours already", () => {
    expect(judge({ a: "0" }, { policy: "never", labels: ownerLabels(owner) })).toEqual({ kind: "ours" });
    expect(judge({ a: "0" }, { policy: "never", uid: "u1" })).toEqual({ kind: "ours" });
  });

  it("case 62: repairs what somebody made anew under the name of ours", () => {
    expect(judge({ a: "0" }, { policy: "never", uid: "u0" }).kind).toBe("adopt");
  });

  it("refuses what another application has, also one that is equal, unless told always", () => {
    const refused = judge({ a: "1" }, { labels: ownerLabels(theirs) });
    expect(refused).toEqual({
      kind: "refuse",
      message:
        'application "bank" of another Drover agent (owner owner-2) has it; set sync.adopt: always to take it over',
    });
    expect(judge({ a: "1" }, { labels: ownerLabels(theirs), uid: "u0" }).kind).toBe("refuse");
    expect(judge({ a: "1" }, { labels: ownerLabels(theirs), marked: "keeps" }).kind).toBe("refuse");
    expect(judge({ a: "1" }, { labels: ownerLabels(theirs), policy: "always" }).kind).toBe("adopt");
  });

  it("refuses the copy of ours that was restored into another cluster", () => {
    expect(judge({ a: "1" }, { labels: ownerLabels({ ...owner, id: "owner-elsewhere" }) }).kind).toBe("refuse");
  });

  it("takes what another application of this agent gives away, and treats what none claims as anybody's", () => {
    expect(judge({ a: "0" }, { labels: ownerLabels(theirs), marked: "leaves", policy: "never" }).kind).toBe("adopt");
    expect(judge({ a: "1" }, { labels: ownerLabels(theirs), marked: "unclaimed" }).kind).toBe("adopt");
    expect(judge({ a: "0" }, { labels: ownerLabels(theirs), marked: "unclaimed" }).kind).toBe("refuse");
  });
});
