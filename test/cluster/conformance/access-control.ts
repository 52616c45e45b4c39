import { afterAll, expect, it } from "vitest";

import { type ApiAnswer, type ApiClient, createApiClient } from "./api-client.ts";
import { configMap, type Named } from "./objects.ts";
import { type ApiUnderTest, freshName, freshNamespace, type Namespace } from "./under-test.ts";

const rbac = "/apis/rbac.authorization.k8s.io/v1";
const reviews = "/apis/authorization.k8s.io/v1";

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

const maps = (...verbs: string[]): Rule => ({ apiGroups: [""], resources: ["configmaps"], verbs });

function role(name: string, rules: readonly Rule[]): Named & { readonly rules: readonly Rule[] } {
  return { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata: { name }, rules };
}

interface Grant {
  readonly kind?: "Role" | "ClusterRole";
  readonly role: string;
  readonly account: string;
}

function binding(name: string, ns: Namespace, to: Grant): Named & { readonly roleRef: object } {
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: to.kind ?? "Role", name: to.role };
  const subjects = [{ kind: "ServiceAccount", name: to.account, namespace: ns.name }];
  const apiVersion = "rbac.authorization.k8s.io/v1";
  return Object.assign({ apiVersion, kind: "RoleBinding", metadata: { name }, roleRef }, { subjects });
}

/** Who may do what: roles and bindings, tokens of service accounts, impersonation. */
export function accessControl(api: ApiUnderTest): void {
  const clients: ApiClient[] = [];
  afterAll(() => clients.forEach((client) => client.close()));
  const acting = (user: string, more: Readonly<Record<string, string>> = {}): ApiClient => {
    const client = createApiClient(api.access, { "impersonate-user": user, ...more });
    clients.push(client);
    return client;
  };
  const account = (ns: Namespace, name: string): ApiClient => acting(`system:serviceaccount:${ns.name}:${name}`);

  /** Binds a role of these rules and waits until the server goes by it, as the answer to `probe` shows. */
  async function grant(ns: Namespace, to: string, rules: readonly Rule[], probe: () => Promise<ApiAnswer>) {
    const name = freshName("r");
    const roles = ns.in(rbac);
    expect(await api.client.post(roles("roles"), role(name, rules))).toMatchObject({ status: 201 });
    const bound = await api.client.post(
      roles("rolebindings"),
      binding(freshName("b"), ns, { role: name, account: to }),
    );
    expect(bound).toMatchObject({ status: 201 });
    await expect.poll(async () => (await probe()).status, { timeout: 10_000 }).not.toBe(403);
  }

  it("says of a refused request who may not do what where", async () => {
    const ns = await freshNamespace(api.client);
    const nobody = account(ns, "nobody");
    const user = `system:serviceaccount:${ns.name}:nobody`;
    const inside = `in the namespace "${ns.name}"`;
    const expected = [
      [await nobody.get(ns.core("configmaps/a")), 'configmaps "a" is', `get resource "configmaps"`, inside],
      [await nobody.get(ns.core("configmaps")), "configmaps is", `list resource "configmaps"`, inside],
      [await nobody.get(ns.core("configmaps"), { watch: 1 }), "configmaps is", `watch resource "configmaps"`, inside],
      [await nobody.get("/api/v1/configmaps"), "configmaps is", `list resource "configmaps"`, "at the cluster scope"],
      [await nobody.delete(ns.core("configmaps")), "configmaps is", `deletecollection resource "configmaps"`, inside],
      [await nobody.post(ns.core("configmaps"), {}), "configmaps is", `create resource "configmaps"`, inside],
      [
        await nobody.apply(ns.core("configmaps/a"), configMap("a", {})),
        'configmaps "a" is',
        `patch resource "configmaps"`,
        inside,
      ],
    ] as const;
    for (const [{ status, body }, what, verb, where] of expected) {
      expect(status).toBe(403);
      expect(body).toMatchObject({ kind: "Status", reason: "Forbidden", details: { kind: "configmaps" }, code: 403 });
      expect(body.message).toBe(`${what} forbidden: User "${user}" cannot ${verb} in API group "" ${where}`);
    }
    const scale = await nobody.get(ns.apps("deployments/web/scale"));
    expect(scale.body).toMatchObject({ details: { name: "web", group: "apps", kind: "deployments" } });
    expect(scale.body.message).toContain('cannot get resource "deployments/scale" in API group "apps"');
    // Before it is looked whether there is such a kind.
    const unknown = await nobody.get(ns.in("/apis/none.example.org/v1")("things/a"));
    expect(unknown).toMatchObject({ status: 403, body: { details: { group: "none.example.org", kind: "things" } } });
    const path = await nobody.get("/metrics");
    expect(path).toMatchObject({
      status: 403,
      body: { message: `forbidden: User "${user}" cannot get path "/metrics"` },
    });
    for (const open of ["/api", "/apis/apps/v1", "/openapi/v2", "/version"]) {
      expect(await nobody.get(open)).toMatchObject({ status: 200 });
    }
  });

  it("grants verbs, names and subresources by a role in its namespace only", async () => {
    const ns = await freshNamespace(api.client);
    const other = await freshNamespace(api.client);
    const user = account(ns, "user");
    const rules = [
      { ...maps("get"), resourceNames: ["a"] },
      { apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["*"] },
    ];
    await grant(ns, "user", rules, () => user.get(ns.core("configmaps/a")));
    expect(await user.get(ns.core("configmaps/a"))).toMatchObject({ status: 404 });
    expect(await user.get(ns.core("configmaps/b"))).toMatchObject({ status: 403 });
    expect(await user.get(ns.core("configmaps"))).toMatchObject({ status: 403 });
    expect(await user.get(other.core("configmaps/a"))).toMatchObject({ status: 403 });
    expect(await user.get(ns.apps("deployments/web/scale"))).toMatchObject({ status: 404 });
    expect(await user.get(ns.apps("deployments/web"))).toMatchObject({ status: 403 });
  });

  it("grants through a ClusterRole, in one namespace or everywhere", async () => {
    const ns = await freshNamespace(api.client);
    const other = await freshNamespace(api.client);
    const name = freshName("reader");
    await api.client.post(`${rbac}/clusterroles`, { metadata: { name }, rules: [maps("get", "list")] });
    const local = account(ns, "local");
    await api.client.post(
      ns.in(rbac)("rolebindings"),
      binding(freshName("b"), ns, { kind: "ClusterRole", role: name, account: "local" }),
    );
    await expect.poll(async () => (await local.get(ns.core("configmaps"))).status, { timeout: 10_000 }).toBe(200);
    expect(await local.get(other.core("configmaps"))).toMatchObject({ status: 403 });
    const everywhere = binding(name, ns, { kind: "ClusterRole", role: name, account: "wide" });
    await api.client.post(`${rbac}/clusterrolebindings`, { ...everywhere, kind: "ClusterRoleBinding" });
    const wide = account(ns, "wide");
    await expect.poll(async () => (await wide.get("/api/v1/configmaps")).status, { timeout: 10_000 }).toBe(200);
    expect(await wide.get(other.core("configmaps"))).toMatchObject({ status: 200 });
    await api.client.delete(`${rbac}/clusterrolebindings/${name}`);
    await expect.poll(async () => (await wide.get("/api/v1/configmaps")).status, { timeout: 10_000 }).toBe(403);
  });

  it("names a bound role that is not there", async () => {
    const ns = await freshNamespace(api.client);
    const user = account(ns, "user");
    await api.client.post(ns.in(rbac)("rolebindings"), binding(freshName("b"), ns, { role: "none", account: "user" }));
    const message = async (): Promise<string> => (await user.get(ns.core("configmaps"))).body.message;
    await expect
      .poll(message, { timeout: 10_000 })
      .toMatch(/: RBAC: role\.rbac\.authorization\.k8s\.io "none" not found$/);
  });

  it("case 64: needs create besides patch to create by server-side apply, and does not say so", async () => {
    const ns = await freshNamespace(api.client);
    const user = account(ns, "user");
    await api.client.post(ns.core("configmaps"), configMap("there", { k: "1" }));
    await grant(ns, "user", [maps("patch")], () => user.apply(ns.core("configmaps/there"), configMap("there", {})));
    for (const query of [{}, { dryRun: "All" }]) {
      const { status, body } = await user.apply(ns.core("configmaps/new"), configMap("new", {}), query);
      expect(status).toBe(403);
      expect(body).toMatchObject({ reason: "Forbidden", details: { name: "new", kind: "configmaps" } });
      expect(body.message).toMatch(/^configmaps "new" is forbidden: /);
    }
    await grant(ns, "user", [maps("create")], () =>
      user.post(ns.core("configmaps"), configMap("x", {}), { dryRun: "All" }),
    );
    expect(await user.apply(ns.core("configmaps/new"), configMap("new", {}))).toMatchObject({ status: 201 });
  });

  it("case 65: lets nobody grant more than they hold", async () => {
    const ns = await freshNamespace(api.client);
    const user = account(ns, "user");
    const roles = ns.in(rbac);
    const verbs = ["get", "create", "patch", "update"];
    const writer = { apiGroups: ["rbac.authorization.k8s.io"], resources: ["roles", "rolebindings"], verbs };
    await grant(ns, "user", [writer, maps("get")], () => user.get(roles("roles/none")));
    const secrets = role("secrets", [{ apiGroups: [""], resources: ["secrets"], verbs: ["get", "list"] }]);
    const own = role("own", [maps("get")]);
    expect(await user.apply(roles("roles/own"), own)).toMatchObject({ status: 201 });
    await api.client.post(roles("roles"), secrets);
    const steal = binding("steal", ns, { role: "secrets", account: "user" });
    const attempts = [
      [await user.apply(roles("roles/more"), { ...secrets, metadata: { name: "more" } }), "roles", "more"],
      [
        await user.apply(roles("roles/more"), { ...secrets, metadata: { name: "more" } }, { dryRun: "All" }),
        "roles",
        "more",
      ],
      [await user.apply(roles("rolebindings/steal"), steal), "rolebindings", "steal"],
    ] as const;
    for (const [{ status, body }, resource, name] of attempts) {
      expect(status).toBe(403);
      expect(body).toMatchObject({ reason: "Forbidden", details: { name, kind: resource } });
      expect(body.message).toMatch(
        /is attempting to grant RBAC permissions not currently held:\n\{APIGroups:\[""\], Resources:\["secrets"\], Verbs:\["get" "list"\]\}$/,
      );
    }
    const widened = await user.apply(roles("roles/own"), role("own", [maps("get", "delete")]));
    expect(widened).toMatchObject({ status: 403 });
    expect(widened.body.message).toContain('Verbs:["delete"]');
    const missing = await user.apply(roles("rolebindings/m"), binding("m", ns, { role: "none", account: "user" }));
    expect(missing).toMatchObject({ status: 404, body: { details: { name: "none", kind: "roles" } } });
    const lent = await user.apply(roles("rolebindings/own"), binding("own", ns, { role: "own", account: "other" }));
    expect(lent).toMatchObject({ status: 201 });
    // What the garbage collector would do, or nothing at all, grants nothing.
    expect(await user.apply(roles("roles/secrets"), secrets)).toMatchObject({ status: 200 });
  });

  it("case 66: lets a service account that does not exist be impersonated", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("serviceaccounts"), { metadata: { name: "user" } });
    const user = account(ns, "user");
    await grant(ns, "user", [maps("list")], () => user.get(ns.core("configmaps")));
    await api.client.delete(ns.core("serviceaccounts/user"));
    expect(await api.client.get(ns.core("serviceaccounts/user"))).toMatchObject({ status: 404 });
    expect(await user.get(ns.core("configmaps"))).toMatchObject({ status: 200 });
  });

  it("takes a token of a service account until the account is gone", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("serviceaccounts"), { metadata: { name: "user" } });
    const { status, body } = await api.client.post(ns.core("serviceaccounts/user/token"), { spec: {} });
    expect(status).toBe(201);
    const { token } = body.status as { token: string };
    const get = (): Promise<ApiAnswer> => api.client.request("GET", ns.core("configmaps"), { token });
    const refused = await get();
    expect(refused.status).toBe(403);
    expect(refused.body.message).toContain(`User "system:serviceaccount:${ns.name}:user" cannot list`);
    await grant(ns, "user", [maps("list")], get);
    expect(await get()).toMatchObject({ status: 200 });
    await api.client.delete(ns.core("serviceaccounts/user"));
    // The real server remembers for some seconds that the token was good.
    await expect.poll(async () => (await get()).status, { timeout: 20_000, interval: 200 }).toBe(401);
    const none = await api.client.post(ns.core("serviceaccounts/none/token"), { spec: {} });
    expect(none).toMatchObject({ status: 404, body: { details: { name: "none", kind: "serviceaccounts" } } });
  });

  it("lets only those impersonate who may, and only whom they may", async () => {
    const ns = await freshNamespace(api.client);
    await api.client.post(ns.core("serviceaccounts"), { metadata: { name: "agent" } });
    const { body } = await api.client.post(ns.core("serviceaccounts/agent/token"), { spec: {} });
    const { token } = body.status as { token: string };
    const agent = (user: string, more = {}): ApiClient => {
      const client = createApiClient({ ...api.access, token }, { "impersonate-user": user, ...more });
      clients.push(client);
      return client;
    };
    const tenant = `system:serviceaccount:${ns.name}:tenant`;
    const path = ns.core("configmaps");
    const before = await agent(tenant).get(path);
    expect(before).toMatchObject({ status: 403, body: { details: { name: "tenant", kind: "serviceaccounts" } } });
    expect(before.body.message).toBe(
      `serviceaccounts "tenant" is forbidden: User "system:serviceaccount:${ns.name}:agent" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "${ns.name}"`,
    );
    const someone = await agent("alice").get(path);
    expect(someone).toMatchObject({ status: 403, body: { details: { name: "alice", kind: "users" } } });
    await grant(ns, "tenant", [maps("list")], () => account(ns, "tenant").get(path));
    const rule = { apiGroups: [""], resources: ["serviceaccounts"], resourceNames: ["tenant"], verbs: ["impersonate"] };
    await grant(ns, "agent", [rule], () => agent(tenant).get(path));
    expect(await agent(tenant).get(path)).toMatchObject({ status: 200 });
    const beyond = await agent(tenant).get(ns.core("secrets"));
    expect(beyond.body.message).toContain(`User "${tenant}" cannot list resource "secrets"`);
    expect(await agent(`system:serviceaccount:${ns.name}:third`).get(path)).toMatchObject({ status: 403 });
    const grouped = await agent(tenant, { "impersonate-group": "system:masters" }).get(path);
    expect(grouped).toMatchObject({ status: 403, body: { details: { name: "system:masters", kind: "groups" } } });
  });

  it("takes groups of an impersonation instead of the account's own", async () => {
    const ns = await freshNamespace(api.client);
    const master = acting("alice", { "impersonate-group": "system:masters" });
    expect(await master.get(ns.core("configmaps"))).toMatchObject({ status: 200 });
    const groupless = await api.client.get(ns.core("configmaps"));
    expect(groupless.status).toBe(200);
    const client = createApiClient(api.access, { "impersonate-group": "system:masters" });
    clients.push(client);
    expect((await client.get(ns.core("configmaps"))).status).toBe(500);
  });

  it("answers reviews of one's own access and of others'", async () => {
    const ns = await freshNamespace(api.client);
    const user = account(ns, "user");
    await grant(ns, "user", [maps("get")], () => user.get(ns.core("configmaps/a")));
    const ask = async (client: ApiClient, kind: string, spec: object): Promise<ApiAnswer> =>
      client.post(`${reviews}/${kind.toLowerCase()}s`, { apiVersion: "authorization.k8s.io/v1", kind, spec });
    const about = (verb: string): object => {
      return { resourceAttributes: { namespace: ns.name, verb, resource: "configmaps" } };
    };
    const may = await ask(user, "SelfSubjectAccessReview", about("get"));
    expect(may).toMatchObject({ status: 201, body: { status: { allowed: true } } });
    expect(may.body.status["reason"]).toMatch(
      /^RBAC: allowed by RoleBinding "b-\d+\/t-\d+" of Role "r-\d+" to ServiceAccount "user\/t-\d+"$/,
    );
    const mayNot = await ask(user, "SelfSubjectAccessReview", about("delete"));
    expect(mayNot).toMatchObject({ status: 201, body: { status: { allowed: false } } });
    const other = { ...about("get"), user: `system:serviceaccount:${ns.name}:user` };
    expect((await ask(api.client, "SubjectAccessReview", other)).body.status).toMatchObject({ allowed: true });
    const master = { ...about("delete"), user: "alice", groups: ["system:masters"] };
    expect((await ask(api.client, "SubjectAccessReview", master)).body.status).toMatchObject({ allowed: true });
    expect(await ask(user, "SubjectAccessReview", other)).toMatchObject({ status: 403 });
    expect(await ask(user, "SelfSubjectAccessReview", {})).toMatchObject({ status: 422 });
    const { body: rules } = await ask(user, "SelfSubjectRulesReview", { namespace: ns.name });
    expect(rules.status).toMatchObject({
      incomplete: false,
      resourceRules: expect.arrayContaining([{ verbs: ["get"], apiGroups: [""], resources: ["configmaps"] }]),
    });
    const { body: all } = await ask(api.client, "SelfSubjectRulesReview", { namespace: ns.name });
    expect(all.status).toMatchObject({
      resourceRules: expect.arrayContaining([{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }]),
    });
  });

  it("adds up the rules of an aggregated ClusterRole", async () => {
    const label = { [`example.org/${freshName("into")}`]: "true" };
    const name = freshName("sum");
    const aggregationRule = { clusterRoleSelectors: [{ matchLabels: label }] };
    await api.client.post(`${rbac}/clusterroles`, { metadata: { name }, aggregationRule, rules: [] });
    for (const verb of ["get", "list"]) {
      const metadata = { name: freshName("part"), labels: label };
      await api.client.post(`${rbac}/clusterroles`, { metadata, rules: [maps(verb)] });
    }
    const rules = async (): Promise<unknown> => (await api.client.get(`${rbac}/clusterroles/${name}`)).body;
    await expect.poll(rules, { timeout: 20_000 }).toMatchObject({ rules: [maps("get"), maps("list")] });
  });

  it.each([
    ["verbs", { ...maps("get"), verbs: [] }],
    ["apiGroups", { resources: ["configmaps"], verbs: ["get"] }],
    ["resources", { apiGroups: [""], verbs: ["get"] }],
  ])("refuses a rule without %s", async (field, rule) => {
    const ns = await freshNamespace(api.client);
    const { status, body } = await api.client.apply(ns.in(rbac)("roles/x"), role("x", [rule]));
    expect(status).toBe(422);
    expect(body).toMatchObject({ details: { causes: [{ reason: "FieldValueRequired", field: `rules[0].${field}` }] } });
  });
}
