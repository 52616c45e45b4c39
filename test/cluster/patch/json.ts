import { PatchError } from "./error.ts";

export function jsonPatch(_document: unknown, _operations: unknown): unknown {
  throw new PatchError(400, "not implemented yet");
}
