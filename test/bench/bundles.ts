import { bundle as builtBundle, setup as build } from "../system/bundle.ts";

let built = false;

/** Path of a shipped program, built from the sources as they are now. */
export function bundle(name: Parameters<typeof builtBundle>[0]): string {
  if (!built) build();
  built = true;
  return builtBundle(name);
}
