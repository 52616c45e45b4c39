import { describe, expect, it } from "vitest";

import { orderOf, unordered } from "./order.ts";

function annotated(annotations: Readonly<Record<string, string>>) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", annotations } };
}

describe("the order that an object asks for", () => {
  it.each([
    ["nothing", {}, unordered],
    ["a wave", { "drover.dev/wave": "-2" }, { ...unordered, wave: -2 }],
    ["a wave of Argo CD", { "argocd.argoproj.io/sync-wave": "3" }, { ...unordered, wave: 3 }],
    [
      "Drover's wave over another's",
      { "drover.dev/wave": "1", "argocd.argoproj.io/sync-wave": "3" },
      { ...unordered, wave: 1 },
    ],
    ["a wave that is no number", { "drover.dev/wave": "first" }, unordered],
    [
      "what it depends on",
      { "drover.dev/depends-on": "Deployment.apps shop/web , Secret shop/token" },
      { ...unordered, dependsOn: ["Deployment.apps shop/web", "Secret shop/token"] },
    ],
    [
      "what it depends on in the form of cli-utils",
      {
        "config.kubernetes.io/depends-on":
          "apps/namespaces/shop/Deployment/web,/namespaces/shop/Secret/token,/Node/one",
      },
      { ...unordered, dependsOn: ["Deployment.apps shop/web", "Secret shop/token", "Node one"] },
    ],
    [
      "something unreadable, which stays as it is for the message",
      { "config.kubernetes.io/depends-on": "web" },
      { ...unordered, dependsOn: ["web"] },
    ],
  ])("reads %s", (_what, annotations, expected) => {
    expect(orderOf(annotated(annotations))).toEqual(expected);
  });

  it("reads which kind a definition makes", () => {
    const definition = {
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      metadata: { name: "widgets.example.org" },
      spec: { group: "example.org", names: { kind: "Widget", plural: "widgets" } },
    };
    expect(orderOf(definition).defines).toBe("Widget.example.org");
  });
});
