import { once } from "node:events";
import { connect } from "node:net";

import { expect, it } from "vitest";

import { describeWithRig } from "./describe-with-rig.ts";
import { startNats } from "./nats.ts";

const describe = describeWithRig("nats-server");

describe("a NATS server", () => {
  it("is reachable on the same address after a crash", async () => {
    await using nats = await startNats({ jetstream: true });
    const { pid } = nats;
    expect(await serverInfo(nats.url)).toMatchObject({ jetstream: true });
    await nats.kill();
    await expect(serverInfo(nats.url)).rejects.toThrow(/ECONNREFUSED/);
    await nats.restart();
    expect(await serverInfo(nats.url)).toMatchObject({ jetstream: true });
    expect(nats.pid).not.toBe(pid);
  });

  it("takes more configuration, and names what is wrong with it", async () => {
    await using nats = await startNats({ config: "authorization { token: abc }" });
    expect(await serverInfo(nats.url)).toMatchObject({ auth_required: true });
    await expect(startNats({ config: "no_such_thing: 1" })).rejects.toThrow(/unknown field "no_such_thing"/);
  });
});

async function serverInfo(url: string): Promise<unknown> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const [greeting]: unknown[] = await once(socket, "data");
  socket.destroy();
  return JSON.parse(String(greeting).replace("INFO ", ""));
}
