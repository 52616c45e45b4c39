import { describe, expect, it } from "vitest";

import { providerOf, regionOf } from "./machines.ts";

const from = (providerID?: string) => ({ spec: { providerID } });
const labelled = (region?: string) => ({ metadata: { labels: { "topology.kubernetes.io/region": region } } });

describe("machines", () => {
  it.each([
    ["aws", [from("aws:///eu-west-1a/i-0123456789")]],
    ["gce", [from("gce://project/europe-west1-b/node-1")]],
    ["azure", [from("azure:///subscriptions/s/resourceGroups/g/providers/p")]],
    ["kind", [from("kind://docker/dev/dev-control-plane")]],
    ["aws", [from(), from("kind://docker/a/b"), from("aws:///a/i-1"), from("aws:///a/i-2")]],
    ["aws", [from("kind://docker/a/b"), from("aws:///a/i-1")]],
    ["", []],
    ["", [{}, from(), from(""), from("ocid1.instance.oc1.phx.abc"), from("://x"), from("A B://x")]],
    ["", [from(`${"a".repeat(64)}://x`)]],
  ])("are provided by %j", (provider, nodes) => {
    expect(providerOf(nodes)).toBe(provider);
  });

  it.each([
    ["eu-west-1", [labelled("eu-west-1")]],
    ["eu-west-1", [labelled("ap-1"), labelled(), labelled("eu-west-1"), labelled("eu-west-1")]],
    ["ap-1", [labelled("eu-west-1"), labelled("ap-1")]],
    ["", []],
    ["", [{}, labelled(), labelled("")]],
  ])("are in %j", (region, nodes) => {
    expect(regionOf(nodes)).toBe(region);
  });
});
