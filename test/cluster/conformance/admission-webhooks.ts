import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";

import { startWebhook, type AdmissionRequest, type Webhook } from "../../rig/webhook.ts";
import { applyEntry } from "./apply.ts";
import { configMap } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace, type Namespace } from "./under-test.ts";

const group = "/apis/admissionregistration.k8s.io/v1";

type Phase = "mutating" | "validating";

const kinds = { mutating: "MutatingWebhookConfiguration", validating: "ValidatingWebhookConfiguration" } as const;

/** Webhooks that change or refuse what clients write. */
export function admissionWebhooks(api: ApiUnderTest): void {
  let webhook: Webhook;
  beforeAll(async () => {
    webhook = await startWebhook();
  });
  afterAll(async () => webhook[Symbol.asyncDispose]());

  const configuration = (phase: Phase, name: string, ns: Namespace, more: object = {}): object => ({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: kinds[phase],
    metadata: { name },
    webhooks: [
      {
        name: "hook.example.org",
        clientConfig: webhook.clientConfig,
        rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["*"] }],
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        timeoutSeconds: 1,
        namespaceSelector: { matchLabels: { hooked: ns.name } },
        ...more,
      },
    ],
  });
  const pathOf = (phase: Phase): string => `${group}/${kinds[phase].toLowerCase()}s`;

  /** Puts the webhook in front of the ConfigMaps of a new namespace; gone again when the test ends. */
  async function install(phase: Phase, more: object = {}): Promise<Namespace> {
    const ns = await freshNamespace(api.client);
    await api.client.patch(`/api/v1/namespaces/${ns.name}`, "merge", { metadata: { labels: { hooked: ns.name } } });
    const path = `${pathOf(phase)}/${freshName("hook")}`;
    const name = path.slice(path.lastIndexOf("/") + 1);
    webhook.script(() => ({ kind: "allow" }));
    onTestFinished(async () => void (await api.client.delete(path)));
    expect(await api.client.apply(path, configuration(phase, name, ns, more))).toMatchObject({ status: 201 });
    // A dead one shows itself by its failure.
    const probe = async (): Promise<boolean> => {
      webhook.takeRequests();
      const labelled = configMap("probe", {}, { labels: { select: "me" } });
      const { status } = await api.client.post(ns.core("configmaps"), labelled, { dryRun: "All" });
      return status === 500 || webhook.takeRequests().length > 0;
    };
    const inTime = { timeout: 10_000, interval: 100 };
    await expect.poll(probe, inTime).toBe(true);
    return ns;
  }
  const seen = (): (readonly (string | undefined)[])[] =>
    webhook.takeRequests().map(({ operation, name }) => [operation, name]);

  it("asks about creates, changes and deletions, with the object before and after", async () => {
    const ns = await install("validating");
    const path = ns.core("configmaps/a");
    await api.client.post(ns.core("configmaps"), configMap("a", { k: "1" }));
    await api.client.apply(path, configMap("a", { k: "2" }), { force: true });
    await api.client.delete(path);
    const [create, update, remove, ...others] = webhook.takeRequests();
    expect(others).toEqual([]);
    const common: Partial<AdmissionRequest> = {
      kind: { group: "", version: "v1", kind: "ConfigMap" },
      resource: { group: "", version: "v1", resource: "configmaps" },
      namespace: ns.name,
      name: "a",
      dryRun: false,
    };
    expect(create).toMatchObject({ ...common, operation: "CREATE", oldObject: null, object: { data: { k: "1" } } });
    expect(create?.object).toMatchObject({ metadata: { name: "a", uid: expect.any(String) } });
    expect(create?.userInfo.groups).toContain("system:masters");
    const changed = { operation: "UPDATE", oldObject: { data: { k: "1" } }, object: { data: { k: "2" } } };
    expect(update).toMatchObject({ ...common, ...changed });
    expect(remove).toMatchObject({ ...common, operation: "DELETE", oldObject: { data: { k: "2" } }, object: null });
  });

  it("asks even when nothing changes, but not when the object is invalid", async () => {
    const ns = await install("validating");
    for (const _ of [1, 2]) await api.client.apply(ns.core("configmaps/a"), configMap("a", { k: "1" }));
    expect(seen()).toEqual([
      ["CREATE", "a"],
      ["UPDATE", "a"],
    ]);
    expect(await api.client.apply(ns.core("configmaps/No"), configMap("No", {}))).toMatchObject({ status: 422 });
    expect(seen()).toEqual([]);
  });

  it("asks about each object of a collection that is deleted", async () => {
    const ns = await install("validating");
    for (const name of ["a", "b"])
      await api.client.post(ns.core("configmaps"), configMap(name, {}, { labels: { x: "y" } }));
    webhook.takeRequests();
    await api.client.delete(ns.core("configmaps"), undefined, { labelSelector: "x=y" });
    expect(webhook.takeRequests().map(({ oldObject }) => oldObject)).toMatchObject([
      { metadata: { name: "a" } },
      { metadata: { name: "b" } },
    ]);
  });

  it.each([
    ["without a word", {}, { code: 400 }, "denied the request without explanation"],
    ["with a message", { message: "not here" }, { code: 400 }, "denied the request: not here"],
    [
      "with a code",
      { message: "no", code: 403, reason: "Forbidden" },
      { code: 403, reason: "Forbidden" },
      "denied the request: no",
    ],
    ["with a code of success", { message: "no", code: 200 }, { code: 400 }, "denied the request: no"],
  ])("refuses what a webhook denies %s", async (_, denied, answer, message) => {
    const ns = await install("validating");
    webhook.script(() => ({ kind: "deny", status: denied }));
    const { status, body } = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}));
    expect(status).toBe(answer.code);
    const whole = `admission webhook "hook.example.org" ${message}`;
    expect(body).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: whole,
      ...answer,
    });
    expect(await api.client.get(ns.core("configmaps/a"))).toMatchObject({ status: 404 });
  });

  it("case 47: keeps what a webhook does not let go", async () => {
    const ns = await install("validating");
    await api.client.post(ns.core("configmaps"), configMap("a", {}));
    webhook.script(({ operation }) =>
      operation === "DELETE" ? { kind: "deny", status: { message: "keep" } } : { kind: "allow" },
    );
    const { status, body } = await api.client.delete(ns.core("configmaps/a"));
    expect({ status, message: body.message }).toEqual({
      status: 400,
      message: 'admission webhook "hook.example.org" denied the request: keep',
    });
    const { body: kept } = await api.client.get(ns.core("configmaps/a"));
    expect(kept.metadata.deletionTimestamp).toBeUndefined();
  });

  it.each([
    ["fails", { kind: "fail", code: 500 }, /an error on the server/],
    ["does not answer", { kind: "silence" }, /context deadline exceeded/],
  ] as const)("case 43: answers 500 when a webhook %s", async (_, answer, why) => {
    const ns = await install("validating");
    webhook.script(() => answer);
    const { status, body } = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}));
    expect(status).toBe(500);
    expect(body).toMatchObject({ reason: "InternalError", code: 500 });
    expect(body.message).toMatch(/^Internal error occurred: failed calling webhook "hook\.example\.org": /);
    expect(body.message).toMatch(why);
  });

  it("case 43: answers 500 when a webhook cannot be reached, unless its failure is to be ignored", async () => {
    const clientConfig = { ...webhook.clientConfig, url: "https://127.0.0.1:1/none" };
    const ns = await install("validating", { clientConfig });
    const { status, body } = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}));
    expect(status).toBe(500);
    expect(body.message).toMatch(/^Internal error occurred: failed calling webhook "hook\.example\.org": /);
    const [path] = (await api.client.get(pathOf("validating"))).body.items
      .filter((item) => JSON.stringify(item).includes(ns.name))
      .map(({ metadata }) => `${pathOf("validating")}/${metadata.name}`);
    const ignore = [{ op: "replace", path: "/webhooks/0/failurePolicy", value: "Ignore" }];
    expect(await api.client.patch(path ?? "", "json", ignore)).toMatchObject({ status: 200 });
    const apply = async (): Promise<number> =>
      (await api.client.apply(ns.core("configmaps/a"), configMap("a", {}))).status;
    await expect.poll(apply, { timeout: 10_000, interval: 100 }).toBeLessThan(300);
  });

  it("asks about dry runs, and says that they are", async () => {
    const ns = await install("validating", { sideEffects: "NoneOnDryRun" });
    const { status } = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}), { dryRun: "All" });
    expect(status).toBe(201);
    expect(webhook.takeRequests()).toMatchObject([{ operation: "CREATE", dryRun: true }]);
    webhook.script(() => ({ kind: "deny" }));
    const denied = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}), { dryRun: "All" });
    expect(denied.status).toBe(400);
  });

  it("asks only about objects that the selectors select", async () => {
    const ns = await install("validating", { objectSelector: { matchLabels: { select: "me" } } });
    const other = await freshNamespace(api.client);
    await api.client.post(ns.core("configmaps"), configMap("plain", {}));
    await api.client.post(other.core("configmaps"), configMap("elsewhere", {}, { labels: { select: "me" } }));
    await api.client.post(ns.core("configmaps"), configMap("picked", {}, { labels: { select: "me" } }));
    // One that leaves the selection is still concerned.
    await api.client.patch(ns.core("configmaps/picked"), "merge", { metadata: { labels: null } });
    expect(seen()).toEqual([
      ["CREATE", "picked"],
      ["UPDATE", "picked"],
    ]);
  });

  it("hands on the warnings of a webhook", async () => {
    const ns = await install("validating");
    webhook.script(() => ({ kind: "allow", warnings: ["careful"] }));
    const { headers } = await api.client.apply(ns.core("configmaps/a"), configMap("a", {}));
    expect(headers["warning"]).toMatch(/^299 .* "careful"$/);
  });

  it("case 31: leaves what a webhook injects without an owner, and an apply of the same again without effect", async () => {
    const ns = await install("mutating");
    webhook.script(() => ({
      kind: "allow",
      patch: [{ op: "add", path: "/metadata/labels", value: { injected: "yes" } }],
    }));
    const { status, body } = await api.client.apply(ns.core("configmaps/a"), configMap("a", { k: "1" }));
    expect(status).toBe(201);
    expect(body.metadata.labels).toEqual({ injected: "yes" });
    expect(body.metadata.managedFields).toHaveLength(1);
    expect(applyEntry(body)?.fieldsV1).toEqual({ "f:data": { "f:k": {} } });
    const { body: again } = await api.client.apply(ns.core("configmaps/a"), configMap("a", { k: "1" }));
    expect(again.metadata).toMatchObject({ resourceVersion: body.metadata.resourceVersion });
    const created = await api.client.post(ns.core("configmaps"), configMap("b", { k: "1" }), { fieldManager: "user" });
    expect(created.body.metadata).toMatchObject({
      labels: { injected: "yes" },
      managedFields: [{ manager: "user", fieldsV1: { "f:data": { ".": {}, "f:k": {} } } }],
    });
  });

  it("case 31: leaves a value that a webhook rewrites with the applier, who cannot win", async () => {
    const ns = await install("mutating");
    webhook.script(() => ({ kind: "allow", patch: [{ op: "add", path: "/data/k", value: "rewritten" }] }));
    for (const expected of [201, 200]) {
      const { status, body } = await api.client.apply(ns.core("configmaps/a"), configMap("a", { k: "1" }), {
        force: true,
      });
      expect({ status, data: body.data }).toEqual({ status: expected, data: { k: "rewritten" } });
      expect(applyEntry(body)?.fieldsV1).toEqual({ "f:data": { "f:k": {} } });
    }
  });

  it("shows a mutating webhook the object before it has a uid, and validating ones what became of it", async () => {
    const ns = await install("mutating");
    webhook.script(() => ({ kind: "allow", patch: [{ op: "add", path: "/data", value: { k: "patched" } }] }));
    const name = freshName("hook");
    const path = `${pathOf("validating")}/${name}`;
    onTestFinished(async () => void (await api.client.delete(path)));
    await api.client.apply(path, configuration("validating", name, ns));
    const create = async (): Promise<unknown> => {
      webhook.takeRequests();
      await api.client.post(ns.core("configmaps"), configMap("", {}, { generateName: "a-" }));
      return webhook.takeRequests().map(({ object }) => object);
    };
    await expect
      .poll(create, { timeout: 10_000, interval: 100 })
      .toMatchObject([
        { metadata: { generateName: "a-" } },
        { metadata: { name: expect.stringMatching(/^a-/), uid: expect.any(String) }, data: { k: "patched" } },
      ]);
  });

  it.each([
    ["a path that is not there", { op: "add", path: "/none/x", value: "1" }],
    ["a value of the wrong type", { op: "add", path: "/data/k", value: 7 }],
  ])("answers 500 to a patch of %s", async (_, operation) => {
    const ns = await install("mutating");
    webhook.script(() => ({ kind: "allow", patch: [operation] }));
    const { status, body } = await api.client.apply(ns.core("configmaps/a"), configMap("a", { k: "1" }));
    expect(status).toBe(500);
    expect(body).toMatchObject({
      reason: "InternalError",
      message: expect.stringMatching(/^Internal error occurred: /),
    });
  });

  it.each([
    ["an address without TLS", { clientConfig: { url: "http://127.0.0.1/x" } }, "webhooks[0].clientConfig.url"],
    ["side effects of a dry run", { sideEffects: "Some" }, "webhooks[0].sideEffects"],
    ["no version of reviews", { admissionReviewVersions: [] }, "webhooks[0].admissionReviewVersions"],
  ])("refuses a configuration with %s", async (_, more, field) => {
    const ns = await freshNamespace(api.client);
    const wrong = configuration("validating", freshName("hook"), ns, more);
    const { status, body } = await api.client.post(pathOf("validating"), wrong);
    expect(status).toBe(422);
    expect(body).toMatchObject({
      details: { causes: expect.arrayContaining([expect.objectContaining({ field })]) },
    });
  });
}
