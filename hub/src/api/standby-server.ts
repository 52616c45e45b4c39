import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";

import { DroverError } from "@drover/shared/errors";

import { securityHeaders } from "./browser-defence.ts";
import { defaultLimits } from "./limits.ts";
import { problemReply } from "./problem-reply.ts";
import type { ApiAddress } from "./server.ts";

/**
 * What a hub that stands by answers where its API will be: that it lives, and to everything else `hub_standby`. It reads no
 * bodies, and when it is disposed of it waits for nobody: the address is needed.
 */
export async function serveStandby({ host, port }: ApiAddress): Promise<AsyncDisposable> {
  const server = createServer({ maxHeaderSize: defaultLimits.headerBytes }, ({ url }, response) => {
    if (url === "/healthz") answer(response, { status: 200, type: "text/plain", body: "ok\n" });
    else refuse(response);
  });
  server.maxConnections = defaultLimits.connections;
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    throw new DroverError("config_invalid", `a hub that stands by cannot listen on ${host}:${port}`, {
      hint: "each hub needs an --api-address and a --link-address of its own",
      cause,
    });
  }
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function refuse(response: ServerResponse): void {
  const error = new DroverError("hub_standby", "this hub stands by while another one has the store", {
    hint: "ask the other one",
  });
  const { problem } = problemReply(error, "");
  answer(response, { status: problem.status, type: "application/problem+json", body: JSON.stringify(problem) });
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function answer(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, { ...securityHeaders, "content-type": type, connection: "close" }).end(body);
}
