import { once } from "node:events";
import type { Server } from "node:http";

/** Refuses connections from now on, and cuts those under way. One that is down already stays so. */
export async function takeDown(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}
