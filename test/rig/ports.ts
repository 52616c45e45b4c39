import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

// Below the kernel's ephemeral range, so no outgoing connection takes the port while a server is down for a restart.
const firstPort = 10_000;
const lastPort = 29_999;
const attempts = 100;

const given = new Set<number>();

/** A loopback port that nothing listens on now and that this process was not given before. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    const port = randomInt(firstPort, lastPort + 1);
    if (!given.has(port) && (await canListen(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`no free port between ${firstPort} and ${lastPort} in ${attempts} attempts`);
}

async function canListen(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
