import { writeFile } from "node:fs/promises";

import { createApiClient } from "./api-client.ts";
import { applySample, recordKind, samples } from "./kinds.ts";
import { startRealServer } from "./real-server.ts";

await using server = await startRealServer();
const client = createApiClient(server);
const recorded: Record<string, unknown> = {};
for (const [title, sample] of Object.entries(samples)) {
  const { status, body } = await applySample(client, sample);
  if (status !== 201) throw new Error(`${title}: ${JSON.stringify(body)}`);
  recorded[title] = recordKind(body);
}
client.close();
await writeFile(new URL("kinds.recorded.json", import.meta.url), `${JSON.stringify(recorded, undefined, 2)}\n`);
