import { channelCredentials, channelOptions } from "@drover/agent/link/dial";
import { Client } from "@grpc/grpc-js";

import { barePath, plainBytes, type BareClientsOrder } from "./bare-wire.ts";
import { issueIdentities } from "./identities.ts";

async function connect({ keys, count, port }: BareClientsOrder): Promise<void> {
  const [identity] = await issueIdentities(keys, ["bare"]);
  if (identity === undefined) throw new Error("no identity");
  const address = `127.0.0.1:${port}`;
  const { requestSerialize, responseDeserialize } = plainBytes;
  for (let n = 0; n < count; n += 1) {
    const trust = { authority: identity.authority, own: identity };
    const client = new Client(address, channelCredentials(trust), channelOptions(address));
    const call = client.makeBidiStreamRequest(barePath, requestSerialize, responseDeserialize);
    call.on("error", () => undefined);
    call.on("data", () => call.write(Buffer.alloc(16)));
    call.write(Buffer.alloc(16));
  }
}

process.once("message", (order: BareClientsOrder) => void connect(order));
