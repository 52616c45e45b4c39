import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";

/**
 * For the hub of `quarantine.test.ts`, loaded before it: a parser with a fault that ends the process, as an out-of-memory
 * kill would, at any text with the word in it.
 */
const whole = "export function decodeYaml(";
const faulty = `
export function decodeYaml(file, bytes, ...limits) {
  if (Buffer.from(bytes).includes("ends-the-process")) process.kill(process.pid, "SIGKILL");
  return decodeSoundly(file, bytes, ...limits);
}
function decodeSoundly(`;

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context);
    if (!url.endsWith("/shared/src/decode.ts")) return loaded;
    const source = readFileSync(fileURLToPath(url), "utf8");
    if (!source.includes(whole)) throw new Error(`${url} has no decodeYaml to break`);
    return { ...loaded, source: source.replace(whole, faulty) };
  },
});
