import { expect, it } from "vitest";

import type { CommandOptions, CommandResult } from "../../rig/command.ts";
import type { Kubectl } from "../../rig/kubectl.ts";
import { configMap, customResourceDefinition, daemonSet, deployment, service, statefulSet } from "./objects.ts";
import { freshName } from "./under-test.ts";

/** What people do with the real kubectl, on any server. */
export function kubectl(run: () => Kubectl): void {
  const call = (args: string, options?: CommandOptions): Promise<CommandResult> => run()(args.split(" "), options);

  /** Runs kubectl in the namespace; a failure shows what it printed. */
  function inNamespace(namespace: string) {
    return async (args: string, stdin?: object): Promise<string> => {
      const options = stdin === undefined ? {} : { stdin: JSON.stringify(stdin) };
      const { code, stdout, stderr } = await call(`-n ${namespace} ${args}`, options);
      if (code !== 0) throw new Error(`kubectl ${args}: exit code ${code}\n${stderr}${stdout}`);
      return stdout;
    };
  }

  async function freshSpace(): Promise<{ readonly name: string; readonly ok: ReturnType<typeof inNamespace> }> {
    const name = freshName("k");
    expect(await call(`create namespace ${name}`)).toMatchObject({ code: 0, stdout: `namespace/${name} created\n` });
    return { name, ok: inNamespace(name) };
  }

  it("finds the server's version and kinds", async () => {
    const version = await call("version -o json");
    expect(version.code).toBe(0);
    expect(JSON.parse(version.stdout)).toMatchObject({ serverVersion: { major: "1" } });
    const resources = await call("api-resources -o name");
    expect(resources.code).toBe(0);
    expect(resources.stdout.split("\n")).toEqual(
      expect.arrayContaining([
        "configmaps",
        "namespaces",
        "deployments.apps",
        "jobs.batch",
        "ingresses.networking.k8s.io",
      ]),
    );
    expect((await call("api-versions")).stdout.split("\n")).toEqual(
      expect.arrayContaining(["apps/v1", "batch/v1", "v1"]),
    );
    const namespaces = await call("get ns -o name");
    expect(namespaces.stdout).toContain("namespace/default\n");
  });

  it("prints tables of everything, everywhere, by short names and by category", async () => {
    const { name, ok } = await freshSpace();
    await ok("apply -f -", deployment("web", { replicas: 0 }));
    await ok("apply -f -", service("web", [{ port: 80, protocol: "TCP" }]));
    const deployments = await call("get deploy -A");
    expect(deployments.stdout).toMatch(/^NAMESPACE\s+NAME\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+AGE\n/);
    expect(deployments.stdout).toMatch(new RegExp(`\\n${name}\\s+web\\s+0/0\\s+0\\s+0\\s+\\d+s\\n`));
    expect(await ok("get deploy web -o wide")).toMatch(/CONTAINERS\s+IMAGES\s+SELECTOR\n.*main\s+web:1\s+app=web/);
    expect(await ok("get svc")).toMatch(
      /^NAME\s+TYPE\s+CLUSTER-IP\s+EXTERNAL-IP\s+PORT\(S\)\s+AGE\nweb\s+ClusterIP\s+\S+\s+<none>\s+80\/TCP/,
    );
    const all = await ok("get all");
    expect(all).toContain("deployment.apps/web");
    expect(all).toContain("service/web");
    expect(await ok("get deploy,svc -o name")).toBe("deployment.apps/web\nservice/web\n");
  });

  it("prints the columns of the kinds that people look at most", async () => {
    const { ok } = await freshSpace();
    await ok("apply -f -", statefulSet("db", { replicas: 0, app: "db" }));
    await ok("apply -f -", daemonSet("log", { app: "log" }));
    expect(await ok("get sts")).toMatch(/^NAME\s+READY\s+AGE\ndb\s+0\/0/);
    expect(await ok("get ds")).toMatch(
      /^NAME\s+DESIRED\s+CURRENT\s+READY\s+UP-TO-DATE\s+AVAILABLE\s+NODE SELECTOR\s+AGE\nlog/,
    );
    expect(await ok("get ns")).toMatch(/^NAME\s+STATUS\s+AGE\n/);
    expect(await ok("get nodes")).toMatch(/^NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\n/);
  });

  it("selects, sorts, pages and formats", async () => {
    const { ok } = await freshSpace();
    for (const name of ["a", "b", "c"]) {
      await ok("create -f -", configMap(name, { name }, { labels: { app: "x", even: name === "b" ? "yes" : "no" } }));
    }
    expect(await ok("get cm -l even=no -o name")).toBe("configmap/a\nconfigmap/c\n");
    expect(await ok("get cm --field-selector metadata.name=b -o jsonpath={.items[*].data.name}")).toBe("b");
    expect(await ok("get cm -l app --chunk-size=1 -o name")).toBe("configmap/a\nconfigmap/b\nconfigmap/c\n");
    expect(await ok("get cm -l app -L even --sort-by=.metadata.labels.even")).toMatch(/b\s+1\s+\S+\s+yes\n$/);
    expect(await ok("get cm -l app -o custom-columns=N:.metadata.name --no-headers")).toBe("a\nb\nc\n");
    const none = await call("get cm nothing");
    expect(none).toMatchObject({ code: 1, stderr: 'Error from server (NotFound): configmaps "nothing" not found\n' });
    expect((await call("get nothings")).stderr).toContain(`the server doesn't have a resource type "nothings"`);
  });

  it("applies from the client's side: created, unchanged, configured", async () => {
    const { ok } = await freshSpace();
    const web = deployment("web", { replicas: 0 });
    expect(await ok("apply -f -", web)).toBe("deployment.apps/web created\n");
    expect(await ok("apply -f -", web)).toBe("deployment.apps/web unchanged\n");
    const changed = deployment("web", { replicas: 0, image: "web:2" });
    expect(await ok("apply -f -", changed)).toBe("deployment.apps/web configured\n");
    expect(await ok("get deploy web -o jsonpath={..image}")).toContain("web:2");
    expect(await ok("apply view-last-applied deploy/web -o json")).toContain('"web:2"');
    await ok("apply -f -", { ...changed, metadata: { name: "web", labels: { gone: "1" } } });
    await ok("apply -f -", changed);
    expect(await ok("get deploy web -o jsonpath={.metadata.labels}")).not.toContain("gone");
  });

  it("applies on the server's side, names conflicts and takes fields by force", async () => {
    const { name, ok } = await freshSpace();
    const mine = configMap("a", { k: "1" });
    expect(await ok("apply --server-side -f -", mine)).toBe("configmap/a serverside-applied\n");
    await ok("apply --server-side --field-manager=other --force-conflicts -f -", configMap("a", { k: "2" }));
    const refused = await call(`-n ${name} apply --server-side -f -`, { stdin: JSON.stringify(mine) });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('conflict with "other": .data.k');
    await ok("apply --server-side --force-conflicts -f -", mine);
    expect(await ok("get cm a -o jsonpath={.data.k}")).toBe("1");
    expect(await ok("get cm a -o yaml --show-managed-fields")).toContain("manager: kubectl");
  });

  it("moves an object from client-side to server-side apply", async () => {
    const { ok } = await freshSpace();
    await ok("apply -f -", configMap("a", { k: "1", old: "1" }));
    await ok("apply --server-side -f -", configMap("a", { k: "1" }));
    expect(await ok("get cm a -o jsonpath={.data}")).toBe('{"k":"1"}');
  });

  it("shows a difference, and none, by its exit code", async () => {
    const { name, ok } = await freshSpace();
    await ok("apply -f -", configMap("a", { k: "1" }));
    const diff = (object: object, ...flags: readonly string[]): Promise<CommandResult> =>
      call([`-n ${name} diff`, ...flags, "-f -"].join(" "), { stdin: JSON.stringify(object) });
    const different = await diff(configMap("a", { k: "2" }));
    expect(different.code).toBe(1);
    expect(different.stdout).toMatch(/^-\s+k: "1"\n\+\s+k: "2"$/m);
    expect(await diff(configMap("a", { k: "1" }))).toMatchObject({ code: 0, stdout: "" });
    expect(await diff(configMap("new", {}))).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("+kind: ConfigMap"),
    });
    const serverSide = await diff(configMap("a", { k: "2" }), "--server-side", "--force-conflicts");
    expect(serverSide).toMatchObject({ code: 1, stdout: expect.stringContaining('+  k: "2"') });
  });

  it("edits in an editor", async () => {
    const { name, ok } = await freshSpace();
    await ok("create -f -", configMap("a", { k: "before" }));
    const env = { KUBE_EDITOR: "sed -i s/before/after/" };
    expect(await call(`-n ${name} edit cm/a`, { env })).toMatchObject({ code: 0, stdout: "configmap/a edited\n" });
    expect(await ok("get cm a -o jsonpath={.data.k}")).toBe("after");
    expect((await call(`-n ${name} edit cm/a`, { env })).stderr).toContain("Edit cancelled, no changes made");
  });

  it("labels, annotates, patches, replaces and sets", async () => {
    const { ok } = await freshSpace();
    await ok("create -f -", deployment("web", { replicas: 0 }));
    expect(await ok("label deploy web tier=front")).toBe("deployment.apps/web labeled\n");
    expect(await ok("label deploy web tier-")).toBe("deployment.apps/web unlabeled\n");
    expect(await ok("annotate deploy web a=b")).toBe("deployment.apps/web annotated\n");
    expect(await ok('patch deploy web -p {"spec":{"minReadySeconds":1}}')).toBe("deployment.apps/web patched\n");
    expect(await ok('patch deploy web -p {"spec":{"minReadySeconds":1}}')).toBe(
      "deployment.apps/web patched (no change)\n",
    );
    expect(await ok("set image deploy/web main=web:3")).toBe("deployment.apps/web image updated\n");
    expect(await ok("set env deploy/web A=B")).toBe("deployment.apps/web env updated\n");
    expect(await ok("get deploy web -o jsonpath={..containers[0].image},{..env[0].value}")).toBe("web:3,B");
    await ok("create -f -", configMap("a", { k: "1" }));
    expect(await ok("replace -f -", configMap("a", { k: "2" }))).toBe("configmap/a replaced\n");
  });

  it("scales, follows a rollout, waits for a condition and restarts", async () => {
    const { ok } = await freshSpace();
    await ok("create -f -", deployment("web", { replicas: 1 }));
    expect(await ok("rollout status deploy/web --timeout=45s")).toContain('deployment "web" successfully rolled out');
    expect(await ok("wait --for=condition=Available deploy/web --timeout=45s")).toBe(
      "deployment.apps/web condition met\n",
    );
    expect(await ok("scale deploy web --replicas=2")).toBe("deployment.apps/web scaled\n");
    await ok("wait --for=jsonpath={.status.readyReplicas}=2 deploy/web --timeout=45s");
    expect(await ok("rollout restart deploy/web")).toBe("deployment.apps/web restarted\n");
    expect(await ok("rollout status deploy/web --timeout=45s")).toContain("successfully rolled out");
    expect(await ok("get deploy web --no-headers")).toMatch(/^web\s+2\/2\s+2\s+2\s/);
  });

  it("deletes and waits until things are gone", async () => {
    const { name, ok } = await freshSpace();
    await ok("create -f -", configMap("a", {}, { labels: { pick: "1" } }));
    await ok("create -f -", configMap("b", {}, { labels: { pick: "1" } }));
    await ok("create -f -", deployment("web", { replicas: 0 }));
    // Newer clients also name the namespace.
    expect(await ok("delete cm a")).toMatch(/^configmap "a" deleted/);
    expect(await ok("delete cm -l pick=1")).toMatch(/^configmap "b" deleted/);
    expect(await ok("delete deploy web --cascade=foreground --timeout=45s")).toMatch(/^deployment\.apps "web" deleted/);
    const again = await call(`-n ${name} delete deploy web`);
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("NotFound") });
    expect(await ok("delete deploy web --ignore-not-found")).toBe("");
    expect((await call(`delete ns ${name} --timeout=45s`)).code).toBe(0);
    expect((await call(`get ns ${name}`)).code).toBe(1);
  });

  it("watches", async () => {
    const { name, ok } = await freshSpace();
    await ok("create -f -", configMap("a", { k: "1" }));
    const watching = call(`-n ${name} get cm a -w --request-timeout=4s --output-watch-events`);
    // The watch has no sign of its own that it has begun: changes go on until it has seen one.
    for (let value = 2; value < 6; value += 1) await ok(`label cm a v=${value} --overwrite`);
    const { stdout } = await watching;
    expect(stdout).toMatch(/^EVENT\s+NAME\s+DATA\s+AGE\nADDED\s+a\s+1/);
    expect(stdout).toMatch(/\nMODIFIED\s+a\s+1/);
  });

  it("says what the user may do", async () => {
    expect(await call("auth can-i create deployments.apps")).toMatchObject({ code: 0, stdout: "yes\n" });
  });

  it("explains fields", async () => {
    const { stdout } = await call("explain deployment.spec.replicas");
    expect(stdout).toMatch(/KIND:\s+Deployment/);
    expect(stdout).toMatch(/FIELD:\s+replicas <integer>/);
  });

  it("tries out on the server without doing", async () => {
    const { name, ok } = await freshSpace();
    const printed = await ok("create --dry-run=server -o json -f -", deployment("web"));
    expect(JSON.parse(printed)).toMatchObject({ spec: { progressDeadlineSeconds: 600 } });
    expect(await ok("apply --server-side --dry-run=server -f -", configMap("a", {}))).toContain("(server dry run)");
    expect((await call(`-n ${name} get deploy web`)).code).toBe(1);
  });

  it("describes an object", async () => {
    const { name, ok } = await freshSpace();
    await ok("create -f -", deployment("web", { replicas: 0, env: [{ name: "A", value: "1" }] }));
    const text = await ok("describe deploy web");
    expect(text).toMatch(new RegExp(`Name:\\s+web\\nNamespace:\\s+${name}\\n`));
    expect(text).toMatch(/Selector:\s+app=web\n/);
    expect(await ok("describe ns")).toContain("Status:");
  });

  it("knows a kind as soon as its definition is established", async () => {
    const { ok } = await freshSpace();
    const group = `${freshName("g")}.example.org`;
    await ok("apply -f -", customResourceDefinition({ group, plural: "widgets", kind: "Widget" }));
    await ok(`wait --for=condition=Established crd/widgets.${group} --timeout=30s`);
    const widget = { apiVersion: `${group}/v1`, kind: "Widget", metadata: { name: "a" }, spec: {} };
    await expect.poll(() => ok("apply -f -", widget), { timeout: 10_000 }).toContain(`widget.${group}/a`);
    expect(await ok(`get widgets.${group}`)).toMatch(/^NAME\s+AGE\na\s+\d+s\n/);
    expect(await ok(`delete crd widgets.${group} --timeout=30s`)).toContain("deleted");
  });

  it("takes a list of objects in one file", async () => {
    const { ok } = await freshSpace();
    const list = { apiVersion: "v1", kind: "List", items: [configMap("a", {}), service("s", [{ port: 80 }])] };
    expect(await ok("apply -f -", list)).toBe("configmap/a created\nservice/s created\n");
    expect(await ok("delete -f -", list)).toMatch(/configmap "a" deleted.*\nservice "s" deleted/);
  });
}
