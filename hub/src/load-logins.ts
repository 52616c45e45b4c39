import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";

import type { Clock } from "@drover/shared/clock";
import { DroverError } from "@drover/shared/errors";

import { parseLabelSelector } from "./api/label-selector.ts";
import type { Logins } from "./api/logins.ts";
import { createLogins } from "./controllers/logins.ts";
import { readIdentitySettings } from "./core/access/identity-settings.ts";
import { createIssuer } from "./identity/issuer.ts";
import { createTickets } from "./identity/sealed-ticket.ts";
import { createBoundedFetch } from "./source/web/bounded-fetch.ts";
import { peoplesNetworks } from "./source/web/networks.ts";

/** Metadata and keys are some KiB. */
const answers = { maxBytes: 256 * 1024, timeoutMs: 5_000 };

/** Reads how people log in. Throws `config_invalid` for mistakes in the file, and for what it names and is not there. */
export async function loadLogins(file: string, clock: Clock): Promise<Logins> {
  const settings = readIdentitySettings(file, await readNamed(file, file), parseLabelSelector);
  const text = async (name: string): Promise<string> =>
    name === "" ? "" : new TextDecoder().decode(await readNamed(resolve(dirname(file), name), file)).trim();
  const [clientSecret, ca] = await Promise.all([text(settings.clientSecretFile), text(settings.caFile)]);
  if (settings.clientSecretFile !== "" && clientSecret === "")
    throw new DroverError("config_invalid", `${settings.clientSecretFile}, which ${file} names, is empty`);
  const credential = { username: "", password: "", ca, clientCertificate: "", clientKey: "" };
  const fetch = createBoundedFetch({ ...answers, networks: peoplesNetworks, credential, clock });
  const issuer = createIssuer({ settings, clientSecret, fetch, clock });
  return createLogins({ settings, issuer, tickets: createTickets(clock) });
}

async function readNamed(name: string, file: string): Promise<Uint8Array> {
  try {
    return await readFile(name);
  } catch (cause) {
    const why = name === file ? "" : `, which ${file} names,`;
    throw new DroverError("config_invalid", `${name}${why} cannot be read`, { cause });
  }
}
