import { describe, expect, it } from "vitest";

import { groupByStage } from "./stages.ts";

describe("stages", () => {
  it("put what others need first, custom resources after their kinds and webhooks last", () => {
    const kinds = [
      "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
      "example.org/Thing",
      "apps/Deployment",
      "/ServiceAccount",
      "/Namespace",
      "apiextensions.k8s.io/CustomResourceDefinition",
    ];
    const keyOf = (text: string) => ({ group: text.split("/")[0] ?? "", kind: text.split("/")[1] ?? "" });
    const order = groupByStage(kinds, keyOf).flat();
    expect(order).toEqual([
      "/Namespace",
      "apiextensions.k8s.io/CustomResourceDefinition",
      "/ServiceAccount",
      "apps/Deployment",
      "example.org/Thing",
      "admissionregistration.k8s.io/ValidatingWebhookConfiguration",
    ]);
  });

  it("have no empty ones", () => {
    expect(groupByStage([], () => ({ group: "", kind: "Pod" }))).toEqual([]);
  });
});
