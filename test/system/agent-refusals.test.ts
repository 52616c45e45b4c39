import type { JsonRecord } from "@drover/shared/json";
import { canonicalize } from "@drover/shared/kube/canonical";
import type { KubeObject } from "@drover/shared/kube/manifest";
import { describe, expect, it, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import {
  configMap,
  deployment,
  deploymentOf,
  deploymentPath,
  described,
  gadget,
  gadgets,
  mapPath,
} from "./agent-objects.ts";
import { writesOf, type LoneAgent, type Server } from "./lone-agent.ts";
import { isAbout, shareAgent } from "./shared-agent.ts";

const patience = { timeout: 15_000, interval: 10 } as const;

/** An object as somebody may have written it, in the form that a hub hands out. */
function asHubDoes(object: object): KubeObject {
  return canonicalize(object as KubeObject);
}

/** One object for each way in which a manifest may not fit its kind. */
const misfits: Readonly<Record<string, (name: string) => object>> = {
  "an unknown field": (name) => deploymentOf(name, { imagine: "nginx" }),
  "a wrong type": (name) => ({ ...deployment(name, 1), spec: { ...specOf(deployment(name, 1)), replicas: "one" } }),
  "a boolean in the data of a ConfigMap": (name) => ({ ...configMap(name, {}), data: { debug: true } }),
  "a number as a label": (name) => described(configMap(name, {}), { labels: { version: 2 } }),
  "a variable twice": (name) =>
    deploymentOf(name, {
      env: [
        { name: "A", value: "1" },
        { name: "A", value: "2" },
      ],
    }),
  "a port twice": (name) => deploymentOf(name, { ports: [{ containerPort: 80 }, { containerPort: 80 }] }),
};

function specOf(object: KubeObject): JsonRecord {
  return object["spec"] as JsonRecord;
}

function suite(server: Server): void {
  let agent: LoneAgent;
  // Nobody else writes, so that a version tells of the agent alone.
  const { fresh, apply, versionsOf, reportOf, writesTo, untilHealed } = shareAgent(server, {
    prefix: "refusal",
    controllers: false,
    started: (running) => void (agent = running),
  });

  it("case 7: annotations above 256 KiB are refused for good, and the other objects are applied", async () => {
    const app = fresh();
    const large = described(configMap(`${app}-large`, {}), { annotations: { a: "x".repeat(262_145) } });
    const { bundle } = agent.hub.assign(app, [large, configMap(app, { a: "1" })]);
    await agent.untilReported(app, {
      bundle,
      phase: "failed",
      reason: "Invalid",
      message: expect.stringContaining("metadata.annotations"),
      objects: [{ apply: "failed" }, { apply: "applied" }],
    });
    expect(agent.hub.report(app)?.message).not.toContain("xxx");
    expect(writesTo(`${app}-large`)).toHaveLength(1);
    await apply(app, [described(large, { annotations: { a: "x" } }), configMap(app, { a: "1" })]);
  });

  it("case 8: objects above the limits of a request and of a ConfigMap are refused for good", async () => {
    const app = fresh();
    const huge = configMap(`${app}-huge`, { a: "x".repeat(3 * 1_048_576) });
    const large = configMap(`${app}-large`, { a: "x".repeat(1_048_577) });
    agent.hub.assign(app, [huge, large, configMap(app, { a: "1" })]);
    await vi.waitFor(() => {
      expect(reportOf(app, `${app}-huge`)).toMatchObject({ apply: "failed", reason: "TooLarge" });
      expect(reportOf(app, `${app}-large`)).toMatchObject({ apply: "failed", reason: "Invalid" });
      expect(reportOf(app, app)).toMatchObject({ apply: "applied" });
    }, patience);
    const requests = writesOf(agent.takeRequests());
    for (const name of [`${app}-huge`, `${app}-large`]) expect(requests.filter(isAbout(name))).toHaveLength(1);
    await apply(app, [configMap(`${app}-huge`, {}), configMap(`${app}-large`, {}), configMap(app, { a: "1" })]);
  });

  it("case 9: what does not fit its kind is tried a few times, then not before Git changes it", async () => {
    const app = fresh();
    const names = Object.keys(misfits).map((_, index) => `${app}-${index}`);
    const wrong = Object.values(misfits).map((make, index) => asHubDoes(make(names[index] ?? "")));
    agent.hub.assign(app, [...wrong, configMap(app, { a: "1" })]);
    await vi.waitFor(() => {
      const seen = names.map((name) => reportOf(app, name));
      expect(seen.map((object) => [object?.apply, object?.reason])).toEqual(names.map(() => ["failed", "Invalid"]));
      expect(reportOf(app, app)).toMatchObject({ apply: "applied" });
    }, patience);
    // The first of the tries that a 500 gets may have to look as well.
    const requests = agent.takeRequests();
    for (const name of names) expect(requests.filter(isAbout(name)).length).toBeLessThanOrEqual(9);
    // A repair, other content and a new bundle are no reason to try again.
    await untilHealed(app, { a: "1" });
    const { bundle } = agent.hub.assign(app, [...wrong, configMap(app, { a: "2" })]);
    await agent.untilReported(app, { bundle, phase: "failed" });
    await vi.waitFor(async () => expect(await agent.get(mapPath(app))).toMatchObject({ data: { a: "2" } }), patience);
    const later = agent.takeRequests();
    expect(names.filter((name) => later.some(isAbout(name)))).toEqual([]);
    await apply(app, [...names.map((name) => configMap(name, {})), configMap(app, { a: "2" })]);
  });

  it("case 10: managed fields in a bundle all the same fail only their object, and not again and again", async () => {
    const app = fresh();
    const hostile = described(configMap(`${app}-hostile`, {}), { managedFields: [] });
    agent.hub.assign(app, [hostile, configMap(app, { a: "1" })]);
    await agent.untilReported(app, { objects: [{ apply: "failed", reason: "Invalid" }, { apply: "applied" }] });
    expect(writesTo(`${app}-hostile`)).toHaveLength(1);
  });

  it("case 11: an apiVersion that is not the kind's stops only its own object", async () => {
    const app = fresh();
    const mistaken = { ...configMap(`${app}-mistaken`, {}), apiVersion: "apps/v1" };
    agent.hub.assign(app, [mistaken, configMap(app, { a: "1" })]);
    await agent.untilReported(app, { objects: [{ apply: "pending", reason: "WaitingForKind" }, { apply: "applied" }] });
    expect(writesTo(`${app}-mistaken`)).toEqual([]);
  });

  it("case 11: a bundle with a name or version that would lead to another path is refused, and what ran goes on", async () => {
    const [victim, app] = [fresh(), fresh()];
    await apply(victim, [deployment(victim, 2)]);
    await apply(app, [configMap(app, { a: "1" })]);
    const before = await versionsOf([deploymentPath(victim)]);
    const hostile: readonly KubeObject[] = [
      deployment(`${victim}/scale`, 5, victim),
      deployment(`${victim}/status`, 5, victim),
      deployment(`../deployments/${victim}`, 5, victim),
      described(deployment(victim, 5), { namespace: `default/deployments/${victim}` }),
      configMap("..", {}),
      configMap("", {}),
      { ...configMap(app, {}), apiVersion: "v1/namespaces/default" },
    ];
    agent.takeRequests();
    for (const object of hostile) {
      const { bundle } = agent.hub.assign(app, [object, configMap(`${app}-other`, {})]);
      await agent.untilReported(app, { bundle, phase: "applying", reason: "BundleInvalid" });
    }
    expect(writesOf(agent.takeRequests())).toEqual([]);
    await untilHealed(app, { a: "1" });
    expect(await versionsOf([deploymentPath(victim)])).toEqual(before);
    await apply(app, [configMap(app, { a: "2" })]);
  });

  it("case 16: a bundle that has an object twice is refused as a whole, and what ran goes on", async () => {
    const app = fresh();
    await apply(app, [configMap(app, { a: "1" })]);
    agent.takeRequests();
    const twice = [configMap(app, { a: "2" }), configMap(app, { a: "3" }), configMap(`${app}-other`, {})];
    agent.hub.assign(app, twice);
    const refused = { phase: "applying", reason: "BundleInvalid", message: expect.stringContaining(app) };
    await agent.untilReported(app, refused);
    expect(writesOf(agent.takeRequests())).toEqual([]);
    await untilHealed(app, { a: "1" });
    await agent.restart({ loseDisk: true });
    const { length } = agent.hub.reports;
    await vi.waitFor(() => {
      const since = agent.hub.reports.slice(length).filter(({ application }) => application === app);
      expect(since.at(-1)).toMatchObject(refused);
    }, patience);
    expect(await agent.get(mapPath(`${app}-other`))).toBeUndefined();
    await apply(app, [configMap(app, { a: "2" })]);
    expect(await agent.get(mapPath(app))).toMatchObject({ data: { a: "2" } });
  });

  it("case 16: objects that only the scope of their kind makes one are told from two as well", async () => {
    const app = fresh();
    await apply(app, [gadgets, configMap(app, { a: "1" })]);
    const twins = ["here", "there"].map((namespace) => described(gadget(app), { namespace }));
    agent.hub.assign(app, [gadgets, ...twins, configMap(app, { a: "2" })]);
    const message = expect.stringContaining(`Gadget.parts.drover.dev ${app}`);
    await agent.untilReported(app, { phase: "applying", reason: "BundleInvalid", message });
    await untilHealed(app, { a: "1" });
    expect(await agent.get(`/apis/parts.drover.dev/v1/gadgets/${app}`)).toBeUndefined();
  });
}

describe("agent meets what cannot be applied on the embedded cluster", () => {
  suite("embedded");
});
describeWithRig("kube-apiserver", "etcd")("agent meets what cannot be applied on the real API server", () => {
  suite("real");
});
