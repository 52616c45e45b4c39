import { createHmac } from "node:crypto";

import { forges, type Forge } from "@drover/shared/api/webhook";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { startGitHttp, type GitHttp, type GitHttpRepository } from "../rig/git-http.ts";
import { createWorkTree, type WorkTree } from "../rig/git.ts";
import { drover } from "./cli.ts";
import { startFleet, type Fleet } from "./fleet.ts";
import { deliveryOf } from "./webhook-deliveries.ts";

const waiting = { timeout: 60_000, interval: 20 };
const soon = (): AbortSignal => AbortSignal.timeout(10_000);

/** Polls are an hour apart: what is seen is seen because a webhook came. */
describeWithRig("git")("a source whose forge tells of pushes", () => {
  let fleet: Fleet;
  let remote: GitHttp;
  let tree: WorkTree;
  const repositories = new Map<Forge, GitHttpRepository>();
  const webhooks = new Map<Forge, { readonly address: string; readonly secret: string }>();

  beforeAll(async () => {
    [fleet, remote, tree] = await Promise.all([
      startFleet({ servers: "embedded", clusters: {}, files: { README: "nothing" } }),
      startGitHttp(),
      createWorkTree({ files: { "a.yaml": "a: 0\n" } }),
    ]);
    for (const forge of forges) {
      const repository = await remote.createRepository(`${forge}.git`);
      await tree.push(repository.path);
      repositories.set(forge, repository);
      expect(await run("source", "add", repository.url, "--interval", "1h")).toMatchObject({ code: 0 });
      const made = await run("source", "webhook", forge, forge, "-o", "json");
      webhooks.set(forge, JSON.parse(made.stdout) as { address: string; secret: string });
      await untilRead(forge, (await tree.git("rev-parse", "HEAD")).trim());
    }
  });
  afterAll(async () => {
    await Promise.all([fleet, remote, tree].map(async (part) => part[Symbol.asyncDispose]()));
  });

  const run = async (...argv: readonly string[]) =>
    drover(fleet.url, argv, { env: { DROVER_TOKEN: fleet.token, COLUMNS: "100" } });
  const webhookOf = (forge: Forge) => webhooks.get(forge) ?? expect.unreachable();
  const push = async (forge: Forge): Promise<string> => {
    const commit = await tree.commit(`For ${forge}`, { "a.yaml": `a: ${Math.floor(performance.now())}\n` });
    await tree.push(repositories.get(forge)?.path ?? "");
    return commit;
  };
  const readOf = async (forge: Forge): Promise<string> => (await fleet.client.sources.get(forge, soon())).revision;
  const untilRead = async (forge: Forge, commit: string): Promise<void> => {
    await vi.waitFor(async () => expect(await readOf(forge)).toBe(commit), waiting);
  };
  const send = async (forge: Forge, init: RequestInit): Promise<number> => {
    const response = await fetch(webhookOf(forge).address, { method: "POST", ...init });
    await response.arrayBuffer();
    return response.status;
  };
  const signed = (forge: Forge, commit: string) =>
    deliveryOf(forge, { commit, secret: webhookOf(forge).secret, seconds: Math.floor(Date.now() / 1000) });
  /** How often the hub has asked the forge for news of a source. */
  const looksAt = (forge: Forge): number =>
    remote.requests.filter(({ url }) => url.startsWith(`/${forge}.git/info/refs`)).length;
  const metric = async (result: string): Promise<number> => {
    const text = await (await fetch(`${fleet.url}/metrics`)).text();
    return Number(new RegExp(`^drover_webhooks_total\\{result="${result}"\\} (\\d+)$`, "mu").exec(text)?.[1] ?? 0);
  };

  test.each(forges)("is read at once when %s says so", async (forge) => {
    const commit = await push(forge);
    expect(await send(forge, signed(forge, commit))).toBe(202);
    await untilRead(forge, commit);
  });

  describe("is not looked at", () => {
    test("T9: when the body, the secret or the header is another, or another forge signed", async () => {
      const proved = async (good: RequestInit, commit: string): Promise<number> => {
        expect(await send("github", good)).toBe(202);
        await untilRead("github", commit);
        return looksAt("github");
      };
      const first = await push("github");
      const before = await proved(signed("github", first), first);
      const ok = await metric("ok");
      const commit = await push("github");
      const good = signed("github", commit);
      const forged = deliveryOf("github", { commit, secret: "guessed", seconds: 0 });
      const refused: readonly RequestInit[] = [
        forged,
        { ...good, body: `${good.body} ` },
        { ...good, headers: {} },
        { ...good, body: "" },
        { ...signed("gitea", commit) },
        { ...good, headers: { "x-hub-signature": good.headers["x-hub-signature-256"] ?? "" } },
        { ...good, headers: { "x-gitlab-token": webhookOf("github").secret } },
      ];
      expect(await Promise.all(refused.map((init) => send("github", init)))).toEqual(refused.map(() => 403));
      expect(await fetch(webhookOf("github").address)).toMatchObject({ status: 404 });
      const unknown = { method: "POST", body: good.body, headers: good.headers };
      expect(await fetch(`${fleet.url}/webhooks/nothing`, unknown)).toMatchObject({ status: 403 });
      // One that is believed comes after all of these: a look, and one each at the history of the two commits.
      expect((await proved(good, commit)) - before).toBeLessThanOrEqual(3);
      expect(await metric("ok")).toBe(ok + 1);
    });

    test("when a generic delivery is sent again later, or says that it is of another time", async () => {
      const { secret } = webhookOf("generic");
      const old = deliveryOf("generic", { commit: "", secret, seconds: Math.floor(Date.now() / 1000) - 301 });
      expect(await send("generic", old)).toBe(403);
      const moved = old.headers["x-drover-signature"]?.replace(/t=\d+/u, `t=${Math.floor(Date.now() / 1000)}`) ?? "";
      expect(await send("generic", { body: old.body, headers: { "x-drover-signature": moved } })).toBe(403);
    });

    test("when the secret is one that was replaced", async () => {
      const commit = await push("gitlab");
      const old = signed("gitlab", commit);
      const made = await run("source", "webhook", "gitlab", "gitlab", "--rotate", "-o", "json");
      webhooks.set("gitlab", JSON.parse(made.stdout) as { address: string; secret: string });
      expect(await send("gitlab", old)).toBe(403);
      expect(await send("gitlab", signed("gitlab", commit))).toBe(202);
      await untilRead("gitlab", commit);
    });
  });

  test("E7, T10: 1,000 deliveries, most of them sent again, cost a few looks, change nothing and hold up nobody", async () => {
    const old = signed("bitbucket", "0".repeat(40));
    const before = looksAt("bitbucket");
    const commit = await push("bitbucket");
    const statuses = await Promise.all(Array.from({ length: 1000 }, () => send("bitbucket", old)));
    expect(new Set(statuses)).toEqual(new Set([202]));
    await untilRead("bitbucket", commit);
    const other = await push("gitea");
    expect(await send("gitea", signed("gitea", other))).toBe(202);
    await untilRead("gitea", other);
    expect(await readOf("bitbucket")).toBe(commit);
    expect(looksAt("bitbucket") - before).toBeLessThanOrEqual(7);
  });

  test("takes a body as large as GitHub sends them, and none that is larger", async () => {
    const { secret } = webhookOf("github");
    const body = Buffer.alloc(25 * 1024 * 1024, "x");
    const headers = {
      "x-hub-signature-256": `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`,
      "content-type": "application/json",
    };
    expect(await send("github", { body, headers })).toBe(202);
    const larger = await fetch(webhookOf("github").address, {
      method: "POST",
      headers,
      body: Buffer.alloc(body.length + 1),
    }).catch(() => undefined);
    // A sender that does not stop sending may see the connection end before it reads the answer.
    expect([undefined, 413]).toContain(larger?.status);
    expect(await metric("dropped")).toBe(1);
  });

  test("says in events what was refused and why, and tells no secret anywhere", async () => {
    const events = (await run("events")).stdout;
    expect(events).toContain("a webhook delivery for source github was refused: its x-hub-signature-256 was not made");
    expect(events).toContain("a webhook delivery was refused: it is for no source that has a webhook");
    const shown = [
      events,
      await fleet.hub.log(),
      await (await fetch(`${fleet.url}/metrics`)).text(),
      ...(await Promise.all(forges.map(async (forge) => (await run("describe", "source", forge)).stdout))),
      (await run("get", "sources", "-o", "json")).stdout,
    ].join("\n");
    for (const { secret } of webhooks.values()) expect(shown).not.toContain(secret);
  });

  test("keeps its webhook when the hub starts anew", async () => {
    await fleet.hub.stop();
    fleet.hub.start();
    await fleet.hub.ready();
    await untilRead("github", await readOf("github"));
    const commit = await push("github");
    expect(await send("github", signed("github", commit))).toBe(202);
    await untilRead("github", commit);
  });
});
