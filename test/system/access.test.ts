import { afterAll, beforeAll, expect, test, vi } from "vitest";

import { describeWithRig } from "../rig/describe-with-rig.ts";
import { drover, type Outcome } from "./cli.ts";
import { startFleet, type Fleet } from "./fleet.ts";

describeWithRig("git")("a hub whose owner makes tokens", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await startFleet({ servers: "embedded", clusters: {}, files: { README: "nothing" } });
    await run("join prod-1 -l env=prod");
    await run("join dev-1 -l env=dev");
  });
  afterAll(async () => fleet[Symbol.asyncDispose]());

  const run = async (line: string, token = fleet.token): Promise<Outcome> =>
    drover(fleet.url, line.split(" "), { env: { DROVER_TOKEN: token, COLUMNS: "200" } });
  const create = async (line: string): Promise<string> => (await run(`token create ${line}`)).stdout.trim();
  const outcome = ({ code, stdout, stderr }: Outcome): string => `${code} ${stdout}${stderr}`;

  test("T11: lets each do what its roles say, on the clusters of its scope, and says who may", async () => {
    const token = await create("oncall --role viewer --role cluster-registrar --scope env=prod --expires 90d");
    expect((await run("get clusters -o name", token)).stdout).toMatch(/^\S*prod-1\n$/u);
    expect(outcome(await run("cluster label prod-1 tier=gold", token))).toContain("0 ");
    expect((await run("cluster label dev-1 tier=gold", token)).code).toBe(5);
    const refused = await run("cluster remove prod-1 --yes", token);
    expect([refused.code, refused.stderr]).toEqual([4, expect.stringContaining("oncall may not delete clusters")]);
    expect((await run("auth whoami", token)).stdout).toMatch(
      /^oncall: viewer, cluster-registrar on clusters with env=prod, for \d+d more\n$/u,
    );
    expect(outcome(await run("auth can-i label cluster prod-1", token))).toBe("0 yes\n");
    expect(outcome(await run("auth can-i delete cluster prod-1", token))).toBe(
      "4 no\nthe token oncall may not delete clusters; roles that may: security-admin, owner\n",
    );
    expect((await run("auth whoami")).stdout).toBe("admin: owner everywhere\n");
  });

  test("refuses what no token can be", async () => {
    expect(outcome(await run("token create a --role vewer"))).toMatch(/^2 .*"vewer" is not a role[\s\S]*viewer/u);
    expect(outcome(await run("token create a --role viewer --expires 91d"))).toMatch(/^2 .*at most 90d/su);
    expect(outcome(await run("token create a --role viewer --scope env~prod"))).toMatch(/^2 .*label/su);
    expect((await run("token create admin --role viewer")).code).toBe(6);
  });

  test("T15: ends a token at once, and its event stream within five seconds", async () => {
    const token = await create("ci --role viewer");
    const stream = await fetch(`${fleet.url}/api/v1/events/stream`, { headers: { authorization: `Bearer ${token}` } });
    const reading = Array.fromAsync(stream.body ?? expect.unreachable());
    expect((await run("token list")).stdout).toMatch(/^ci +viewer +\S +in \d+d +\d+s +admin$/mu);
    expect(outcome(await run("token revoke ci"))).toBe("0 token ci revoked\n");
    expect((await run("get clusters", token)).code).toBe(4);
    const late = AbortSignal.timeout(5_000);
    const tooLate = new Promise((resolve) => late.addEventListener("abort", () => resolve("still open")));
    expect(await Promise.race([reading.then(() => "over"), tooLate])).toBe("over");
  });

  test("T17, T20, R26: remembers who did what over a crash, in a chain, without anything secret", async () => {
    const token = await create("editor --role editor");
    await run("source add https://git.example.invalid/a --name a --username ci", token);
    await run("token list", token);
    await fleet.hub.kill();
    fleet.hub.start();
    await fleet.hub.ready();
    expect((await run("auth whoami", token)).stdout).toContain("editor: editor everywhere");
    const { stdout } = await run("audit --since 1h");
    const done = stdout.split("\n").map((line) => line.replaceAll(/ {2,}/gu, " ").split(" ").slice(2, 7).join(" "));
    expect(done).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^admin join cluster prod-1 done/u),
        expect.stringMatching(/^oncall delete cluster prod-1 forbidden/u),
        expect.stringMatching(/^admin create token editor done/u),
        expect.stringMatching(/^editor create source a done/u),
        expect.stringMatching(/^editor read token forbidden/u),
      ]),
    );
    expect(stdout).not.toContain(token);
    await vi.waitFor(async () => expect((await run("audit verify")).stdout).toMatch(/^\d+ entries, 1 to \d+, follow/u));
    expect(JSON.parse((await run("audit -o json")).stdout)).toMatchObject({ items: expect.arrayContaining([]) });
    expect((await run("audit", token)).code).toBe(4);
  });
});
