import { channelCredentials, channelOptions } from "@drover/agent/link/dial";
import { Client } from "@grpc/grpc-js";

import { barePath, plainBytes, type BareClientsOrder } from "./bare-wire.ts";
import { issueIdentities } from "./identities.ts";

/** Of many handshakes at once some take longer than grpc-js waits for them. */
const atOnce = 50;
const patienceMs = 60_000;

async function connect({ keys, count, port }: BareClientsOrder): Promise<void> {
  const [identity] = await issueIdentities(keys, ["bare"]);
  if (identity === undefined) throw new Error("no identity");
  const address = `127.0.0.1:${port}`;
  const { requestSerialize, responseDeserialize } = plainBytes;
  const open = async (): Promise<void> => {
    const trust = { authority: identity.authority, own: identity };
    const client = new Client(address, channelCredentials(trust), channelOptions(address));
    await untilReady(client);
    const call = client.makeBidiStreamRequest(barePath, requestSerialize, responseDeserialize);
    call.on("error", () => undefined);
    call.on("data", () => call.write(Buffer.alloc(16)));
    call.write(Buffer.alloc(16));
  };
  for (let left = count; left > 0; left -= atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, left) }, open));
}

function untilReady(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + patienceMs, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

process.once("message", (order: BareClientsOrder) => void connect(order));
