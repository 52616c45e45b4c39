import { MemoryBackend } from "@drover/hub/api/memory-backend";
import { sampleFleet, sampleNow } from "@drover/hub/api/sample-fleet";
import { startApi, type RunningApi } from "@drover/hub/api/start-api";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { drover } from "./cli.ts";

let api: RunningApi;
beforeAll(async () => {
  api = await startApi();
});
afterAll(() => api[Symbol.asyncDispose]());

async function stdoutOf(line: string, options: Parameters<typeof drover>[2] = {}): Promise<string> {
  const { code, stdout, stderr } = await drover(api.url, line.split(" "), options);
  if (code !== 0) throw new Error(stderr);
  return `\n${stdout}`;
}

describe("tables", () => {
  test("of clusters put the worst first", async () => {
    expect(await stdoutOf("get clusters")).toMatchInlineSnapshot(`
      "
         NAME       STATE        APPS  DRIFT  SEEN  AGENT  LABELS                        REASON
      ✗  prod-eu-3  failed       1/2   0      4s    0.1.0  env=prod region=eu tier=gold  shop: ImagePullBackOff
      ◌  prod-ap-1  offline 14m  2/2?  –      14m   0.0.9  env=prod region=ap tier=gold  NoContact
      ~  prod-eu-1  drifted      2/2   1      4s    0.1.0  env=prod region=eu tier=gold  1 target has drift
      ✔  dev-1      current      2/2   0      4s    0.1.0  env=dev
      "
    `);
  });

  test("fit 80 columns by shortening the middle of what is long", async () => {
    const table = await stdoutOf("get clusters", { screen: { columns: 80, rows: 40 } });
    expect(table).toMatchInlineSnapshot(`
      "
         NAME       STATE        APPS  DRIFT  SEEN  AGENT  LABELS        REASON
      ✗  prod-eu-3  failed       1/2   0      4s    0.1.0  env=pr…=gold  shop: …ackOff
      ◌  prod-ap-1  offline 14m  2/2?  –      14m   0.0.9  env=pr…=gold  NoContact
      ~  prod-eu-1  drifted      2/2   1      4s    0.1.0  env=pr…=gold  1 targ… drift
      ✔  dev-1      current      2/2   0      4s    0.1.0  env=dev
      "
    `);
    const narrow = await stdoutOf("get targets", { screen: { columns: 72, rows: 40 } });
    expect(Math.max(...narrow.split("\n").map((line) => line.length))).toBeLessThanOrEqual(72);
    expect(narrow).toMatchInlineSnapshot(`
      "
         TARGET             STATE        OBJECTS  REVISION  AGE  REASON
      ✗  shop@prod-eu-3     failed       4/5      4be1f02   5m   ImageP…:2.9.0
      ◌  shop@prod-ap-1     offline 14m  5/5?     4be1f02   14m  NoContact
      ~  shop@prod-eu-1     drifted      5/5      4be1f02   5m   Drift:…l-edit
      ✔  metrics@dev-1      current      5/5      4be1f02   5m
      ✔  metrics@prod-eu-3  current      5/5      4be1f02   5m
      "
    `);
  });

  test("of apps say why nothing matches", async () => {
    expect(await stdoutOf("get apps")).toMatchInlineSnapshot(`
      "
         NAME     STATE       CURRENT  REVISION      AGE  SOURCE                  REASON
      ✗  shop     failed      1/3      main@4be1f02  17m  platform//apps/shop     1 of 3 targets failed
      ∅  billing  no-targets  0/0      main@4be1f02  17m  platform//apps/billing  tier=platnum matches 0 clusters (tier=gold: 3?)
      ✔  metrics  current     2/2      main@4be1f02  17m  platform//apps/metrics
      "
    `);
  });

  test("of targets in ASCII when the locale is not UTF-8", async () => {
    const table = await stdoutOf("get targets", { env: { LC_ALL: "C", COLUMNS: "90" } });
    expect(table).toMatchInlineSnapshot(`
      "
         TARGET             STATE        OBJECTS  REVISION  AGE  REASON
      x  shop@prod-eu-3     failed       4/5      4be1f02   5m   ImagePullBackO....eu/shop:2.9.0
      o  shop@prod-ap-1     offline 14m  5/5?     4be1f02   14m  NoContact
      ~  shop@prod-eu-1     drifted      5/5      4be1f02   5m   Drift: spec.re...y kubectl-edit
      +  metrics@dev-1      current      5/5      4be1f02   5m
      +  metrics@prod-eu-3  current      5/5      4be1f02   5m
      "
    `);
    expect(table).toMatch(/^[\n\u0020-\u007E]*$/u);
    expect(await stdoutOf("get targets --ascii", { env: { COLUMNS: "90" } })).toBe(table);
  });

  test("of sources name the address without credentials", async () => {
    expect(await stdoutOf("get sources")).toMatchInlineSnapshot(`
      "
         NAME      STATE    APPS  REVISION      FETCHED  EVERY  ADDRESS                               REASON
      ✗  legacy    failed   3     –             never    1m     https://git.example.com/legacy.git    AuthenticationFailed
      ✔  platform  current  3     main@4be1f02  23s      1m     https://git.example.com/platform.git
      "
    `);
  });

  test("of credentials say for which addresses, of what and until when, and show nothing secret", async () => {
    expect(await stdoutOf("credential list")).toMatchInlineSnapshot(`
      "
         NAME    STATE     PARTS                  AGE   EXPIRES     FOR                                USED BY
      ✔  charts  current   username password      5d    –           oci://registry.example.com/charts  app/metrics
      !  corp    degraded  ca client-certificate  300d  2026-11-30  https://git.corp.example           –
      "
    `);
    expect(await stdoutOf("credential list -o name")).toBe("\ncharts\ncorp\n");
    expect(JSON.parse(await stdoutOf("credential list -o json"))).toMatchObject({
      items: [
        { name: "charts", for: "oci://registry.example.com/charts" },
        { name: "corp", state: "degraded" },
      ],
    });
  });

  test("without headers are rows alone, and nothing is said beside them", async () => {
    const { stdout, stderr } = await drover(api.url, ["get", "apps", "--no-headers"]);
    expect([stdout.split("\n").length, stderr]).toEqual([4, ""]);
  });

  test("leave the rows that are fine to --all when the screen is too small", async () => {
    const screen = { columns: 200, rows: 7 };
    const { stdout, stderr } = await drover(api.url, ["get", "targets"], { screen });
    expect(stdout).not.toContain("current");
    expect(stderr).toContain("2 more are current (--all lists them)");
    expect((await drover(api.url, ["get", "targets", "--all"], { screen })).stdout).toContain("metrics@dev-1");
  });

  test("say beside the data how many there are and where to look", async () => {
    const { stderr } = await drover(api.url, ["get", "clusters", "-l", "env=prod"]);
    expect(stderr).toBe("3 clusters: 1 failed · 1 offline · 1 drifted\nnext: drover describe cluster prod-eu-3\n");
  });

  test("are coloured only where somebody sees it, or says so", async () => {
    const screen = { columns: 100, rows: 40 };
    const coloured = async (env: Record<string, string>, options: { readonly piped?: boolean } = {}) => {
      const where = options.piped === true ? {} : { screen };
      return (await drover(api.url, ["get", "apps"], { env, ...where })).stdout.includes("\u001B[");
    };
    expect(await coloured({ NO_COLOR: "" })).toBe(true);
    expect(await coloured({ NO_COLOR: "1" })).toBe(false);
    expect(await coloured({ NO_COLOR: "", TERM: "dumb" })).toBe(false);
    expect(await coloured({ NO_COLOR: "" }, { piped: true })).toBe(false);
    expect(await coloured({ NO_COLOR: "1", FORCE_COLOR: "1" }, { piped: true })).toBe(true);
  });

  test("carry no control characters from clusters and repositories", async () => {
    const fleet = sampleFleet();
    const hostile = "ok\u001B]0;title\u0007\u001B[2J\u202Egnp.exe\r\nfake  row\u0000";
    const targets = fleet.targets?.slice(0, 1).map((target) => ({ ...target, message: hostile, items: [] }));
    await using other = await startApi({ backend: new MemoryBackend({ ...fleet, targets: targets ?? [] }) });
    for (const line of ["get targets", "describe target shop@prod-eu-3"]) {
      const { stdout } = await drover(other.url, line.split(" "));
      expect(stdout.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\u202E]/u);
      expect(stdout).not.toMatch(/^fake/mu);
    }
  });
});

describe("other formats", () => {
  test("json is a list of items as the API has them", async () => {
    const { items } = JSON.parse(await stdoutOf("get targets --app shop -o json")) as {
      items: Record<string, unknown>[];
    };
    expect(items.map(({ app, cluster, state, reason }) => ({ app, cluster, state, reason }))).toEqual([
      { app: "shop", cluster: "prod-eu-3", state: "failed", reason: "ImagePullBackOff" },
      { app: "shop", cluster: "prod-ap-1", state: "offline", reason: "NoContact" },
      { app: "shop", cluster: "prod-eu-1", state: "drifted", reason: "Drift" },
    ]);
    for (const key of ["app", "cluster", "state", "revision", "reason", "since"]) expect(items[0]).toHaveProperty(key);
  });

  test("a list of nothing is an empty list", async () => {
    expect(JSON.parse(await stdoutOf("get clusters -l env=none -o json"))).toEqual({ items: [] });
    expect(await stdoutOf("get clusters -l env=none")).toBe("\n");
  });

  test("yaml says the same as json", async () => {
    const [document] = parseAllDocuments(await stdoutOf("describe target shop@prod-eu-3 -o yaml"));
    expect(document?.toJS()).toEqual(JSON.parse(await stdoutOf("describe target shop@prod-eu-3 -o json")));
  });

  test.each([
    ["clusters", "prod-eu-3\nprod-ap-1\nprod-eu-1\ndev-1\n"],
    ["apps", "shop\nbilling\nmetrics\n"],
    ["sources", "legacy\nplatform\n"],
    ["targets --cluster prod-eu-3", "shop@prod-eu-3\nmetrics@prod-eu-3\n"],
  ])("names of %s are what other commands take", async (kind, names) => {
    expect(await stdoutOf(`get ${kind} -o name`)).toBe(`\n${names}`);
  });
});

describe("one thing", () => {
  test("a target is described with its objects and hops", async () => {
    expect(await stdoutOf("describe target shop@prod-eu-3")).toMatchInlineSnapshot(`
      "
      ✗ shop@prod-eu-3  failed for 5m: ImagePullBackOff: Deployment/shop cannot pull registry.eu/shop:2.9.0
        revision    4be1f02
        applied     4be1f02
        objects     4/5 current
        placement   everywhere apps/shop/drover.yaml:9
        overrides   apps/shop/drover.yaml:21
        bundle      sha256:8a318a318a318a318a318a318a318a318a318a318a318a318a318a318a318a31
        hops        assigned +12ms received +8ms applied +160ms observed +60ms

      objects:
        OBJECT                     APPLIED  HEALTH   REASON
        Deployment.apps shop/shop  Applied  Failed   ImagePullBackOff: not found
        Service shop/shop          Applied  Current  –
      "
    `);
  });

  test("why names the placements that select a target, and what their overrides do", async () => {
    expect(await stdoutOf("why shop@prod-eu-3")).toMatchInlineSnapshot(`
      "
      ✔ shop runs on prod-eu-3
        ✗ failed at 4be1f02, bundle 8a31: ImagePullBackOff
        ✔ placement everywhere matches env=prod  apps/shop/drover.yaml:9
          ✔ env=prod  clusters.yaml:3
        ✔ override matches every cluster  apps/shop/drover.yaml:21
          patches[0]  2 fields in 1 object
          vars  1 field
        ✗ override needs region=us, has region=eu  apps/shop/drover.yaml:30
      "
    `);
  });

  test("why-not names what each placement misses, and what was probably meant", async () => {
    expect(await stdoutOf("why-not shop@dev-1")).toMatchInlineSnapshot(`
      "
      ✗ shop does not run on dev-1
        ✗ placement everywhere needs env=prod, has env=prdo  apps/shop/drover.yaml:9
          ✗ env=prod  has env=prdo  clusters.yaml:3  (did you mean env=prod?)
        ✗ placement canary takes 1 of the 2 clusters that match, and this is none of them  apps/shop/drover.yaml:40
          it took prod-eu-1
      "
    `);
  });

  test("blame has every line of an object beside what set it", async () => {
    expect(await stdoutOf("blame cm/shop shop@prod-eu-3")).toMatchInlineSnapshot(`
      "
      shop.yaml:1                                                                     apiVersion: v1
      (default)                                                                       kind: ConfigMap
                                                                                      data:
      shop.yaml:4                                                                       text: |
      shop.yaml:4                                                                         a
      shop.yaml:4                                                                         b
      apps/shop/drover.yaml:24 patches[0] ← cluster.vars.domain drover cluster label    url: https://shop/
      "
    `);
  });

  test("blame has only the lines of a field that is asked for", async () => {
    expect(await stdoutOf("blame cm/shop shop@prod-eu-3 data[text] --ascii")).toMatchInlineSnapshot(`
      "
      shop.yaml:4    text: |
      shop.yaml:4      a
      shop.yaml:4      b
      "
    `);
  });

  test("an application is described with its problems", async () => {
    expect(await stdoutOf("describe app billing")).toMatchInlineSnapshot(`
      "
      ∅ billing  no-targets for 17m: tier=platnum matches 0 clusters (tier=gold: 3?)
        targets     0/0 current
        revision    main@4be1f02
        source      platform//apps/billing
        declared    apps/billing/drover.yaml:1
        objects     2

      problems:
        warning[no-targets]: the selector tier=platnum matches no cluster
          at apps/billing/drover.yaml:7:5
          hint: tier=gold matches 3

      conditions:
        TYPE      STATUS  AGE  REASON
        Rendered  True    17m  Rendered: 5 objects
      "
    `);
  });

  test("a cluster is described with its targets", async () => {
    expect(await stdoutOf("describe cluster prod-eu-3")).toMatchInlineSnapshot(`
      "
      ✗ prod-eu-3  failed for 3d: shop: ImagePullBackOff
        labels      env=prod region=eu tier=gold
        apps        1/2 current
        seen        4s ago
        agent       0.1.0
        kubernetes  v1.35.1, 3 nodes
        runs at     aws, eu-west-1
        uid         uid-prod-eu-3

      targets:
           TARGET             STATE    OBJECTS  REVISION  AGE  REASON
        ✗  shop@prod-eu-3     failed   4/5      4be1f02   5m   ImagePullBackOff: Deployment/shop cannot pull registry.eu/shop:2.9.0
        ✔  metrics@prod-eu-3  current  5/5      4be1f02   5m
      "
    `);
  });

  test("a cluster says that its agent is stale, and what its own policy holds back", async () => {
    const fleet = sampleFleet();
    const standing = { staleSince: sampleNow - 12 * 60_000, policy: `sha256:${"a".repeat(64)}`, frozen: true };
    const clusters = (fleet.clusters ?? []).map((cluster) => ({ ...cluster, standing }));
    await using other = await startApi({ backend: new MemoryBackend({ ...fleet, clusters }) });
    const { stdout } = await drover(other.url, ["describe", "cluster", "dev-1"]);
    expect(stdout).toContain("no beat of the hub for 12m: the agent heals, and deletes nothing");
    expect(stdout).toContain("sha256:aaaaaaaaaaaa, frozen: nothing new is taken, nothing deleted");
  });

  test("a cluster says what placements still go by", async () => {
    const lines = (await stdoutOf("describe cluster prod-ap-1")).split("\n").map((line) => line.trim());
    expect(lines).toContain("placements  go by kubernetes v1.34.0, nodes 5");
  });

  test("a difference names field, values and owner", async () => {
    expect(await stdoutOf("diff shop@prod-eu-1")).toMatchInlineSnapshot(`
      "
      ~ Deployment.apps shop/shop  changed
          spec.replicas                                 6 → 2   (by kubectl-edit)
          spec.template.spec.containers[name=shop].env  – → [{"name":"DEBUG"}]
      - ConfigMap shop/settings  missing in the cluster
      "
    `);
  });

  test("a tree shows what owns what", async () => {
    expect(await stdoutOf("tree shop@prod-eu-1")).toMatchInlineSnapshot(`
      "
      shop@prod-eu-1
      ├─ Deployment.apps shop/shop  Progressing
      │  ├─ ReplicaSet.apps shop/shop-7c9  Progressing
      │  │  └─ Pod shop/shop-7c9-x1  Current
      │  └─ ReplicaSet.apps shop/shop-6b8  Current
      └─ Service shop/shop  Current
      "
    `);
    expect(await stdoutOf("tree shop@prod-eu-1 --ascii")).toMatchInlineSnapshot(`
      "
      shop@prod-eu-1
      |- Deployment.apps shop/shop  Progressing
      |  |- ReplicaSet.apps shop/shop-7c9  Progressing
      |  |  \`- Pod shop/shop-7c9-x1  Current
      |  \`- ReplicaSet.apps shop/shop-6b8  Current
      \`- Service shop/shop  Current
      "
    `);
  });
});
