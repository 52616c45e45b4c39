import { DroverError } from "@drover/shared/errors";
import { recordAt, textAt, type JsonRecord } from "@drover/shared/json";

import {
  collectionPath,
  itemsOf,
  objectPath,
  type KubeAnswer,
  type KubeApi,
  type Refusal,
  type Resource,
} from "./api.ts";
import { applyObject, createObject } from "./objects.ts";

const configMaps: Resource = { group: "", version: "v1", kind: "ConfigMap", plural: "configmaps", namespaced: true };
export const namespaces: Resource = {
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
};

interface ConfigMap {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

/** ConfigMaps in one namespace, which is made when the first one is written and it is not there. */
export function createConfigMaps(api: KubeApi, namespace: string) {
  const write = async (map: ConfigMap, signal: AbortSignal) => {
    const metadata = { name: map.name, namespace, labels: map.labels };
    const body = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: map.data });
    const at = { namespace, name: map.name };
    return applyObject(api, { resource: configMaps, at, body, metadataOnly: true }, signal);
  };
  return {
    async list(labelSelector: string, signal: AbortSignal): Promise<readonly ConfigMap[]> {
      const found: ConfigMap[] = [];
      let from: string | undefined = "";
      do {
        const query: string = new URLSearchParams({ labelSelector, limit: "100", continue: from }).toString();
        const path = `${collectionPath(configMaps, namespace)}?${query}`;
        const body: unknown = accepted(await api.request({ method: "GET", path }, signal), "list ConfigMaps");
        found.push(...itemsOf(body, "a list of ConfigMaps").map(decode));
        from = textAt(body, "metadata", "continue");
      } while (from !== undefined && from !== "");
      return found;
    },
    async apply(map: ConfigMap, signal: AbortSignal): Promise<void> {
      let answer = await write(map, signal);
      if (answer.kind === "refused" && answer.refusal.status === 404) {
        const body = JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
        await createObject(api, { resource: namespaces, namespace: "", body }, signal);
        answer = await write(map, signal);
      }
      if (answer.kind === "refused") throw refused(answer.refusal, `write ConfigMap ${namespace}/${map.name}`);
    },
    async remove(name: string, signal: AbortSignal): Promise<void> {
      const path = objectPath(configMaps, { namespace, name });
      const answer = await api.request({ method: "DELETE", path }, signal);
      if (answer.kind === "refused" && answer.refusal.status !== 404) {
        throw refused(answer.refusal, `delete ConfigMap ${namespace}/${name}`);
      }
    },
  };
}

function decode(item: JsonRecord): ConfigMap {
  return {
    name: textAt(item, "metadata", "name") ?? "",
    labels: textsOf(recordAt(item, "metadata", "labels")),
    data: textsOf(recordAt(item, "data")),
  };
}

function textsOf(record: JsonRecord | undefined): Readonly<Record<string, string>> {
  const entries = Object.entries(record ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function accepted(answer: KubeAnswer, what: string): unknown {
  if (answer.kind === "refused") throw refused(answer.refusal, what);
  return answer.body;
}

/** Always retryable: without its inventory the agent must not write, and a missing right may be granted any moment. */
function refused(refusal: Refusal, what: string): DroverError {
  return new DroverError(
    "api_unreachable",
    `the API server answered ${refusal.status} to: ${what}`,
    refusal.status === 403 ? { hint: "grant the agent's service account all verbs on ConfigMaps there" } : {},
  );
}
