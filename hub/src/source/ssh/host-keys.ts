import { DroverError } from "@drover/shared/errors";

import { parseAddress } from "../git/address.ts";
import { readHostKey } from "./ssh-keys.ts";

/** Keys of the server of an address, as people and Git write them. Throws `usage`. */
export function readHostKeys(url: string, texts: readonly string[]): readonly string[] {
  if (texts.length === 0) return [];
  const address = parseAddress({ url });
  if (address.kind !== "ssh") throw new DroverError("usage", "only a server over SSH has host keys");
  return texts.map((text) => readHostKey(text, address));
}
