import { isRecord, textAt, type JsonRecord } from "@drover/shared/json";
import { apiVersionPattern, kindPattern, namePattern, namespacePattern } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

import type { LoadedDocument } from "./loaded.ts";

interface Fault {
  readonly code: string;
  readonly message: string;
  readonly path: readonly string[];
  readonly hint?: string;
}

/** More of one object help nobody. */
const maxFaults = 20;

/** Everything that keeps a document from being an object of a cluster, whatever its kind. */
export function findFaults({ value, positionOf }: LoadedDocument): readonly Problem[] {
  // Values files, configuration of other tools and the like lie beside manifests.
  if (!isRecord(value) || (value["apiVersion"] === undefined && value["kind"] === undefined)) {
    const message = "this is no Kubernetes object and is left out";
    return [{ code: "no-object", severity: "warning", message, at: positionOf([]) }];
  }
  const faults = [...typeFaults(value), ...metadataFaults(value["metadata"])].slice(0, maxFaults);
  return faults.map(({ path, ...fault }) => ({ ...fault, severity: "error", at: positionOf(path) }));
}

function* typeFaults(object: JsonRecord): Generator<Fault> {
  const apiVersion = textAt(object, "apiVersion");
  if (apiVersion === undefined) yield { code: "missing-version", message: "apiVersion is missing", path: [] };
  else if (!apiVersionPattern.test(apiVersion)) {
    yield { code: "invalid-version", message: `${quote(apiVersion)} is no apiVersion`, path: ["apiVersion"] };
  }
  const kind = textAt(object, "kind");
  if (kind === undefined) yield { code: "missing-kind", message: "kind is missing", path: [] };
  else if (!kindPattern.test(kind))
    yield { code: "invalid-kind", message: `${quote(kind)} is no kind`, path: ["kind"] };
}

function* metadataFaults(metadata: unknown): Generator<Fault> {
  if (!isRecord(metadata)) {
    yield { code: "missing-name", message: "metadata.name is missing", path: ["metadata"] };
    return;
  }
  yield* nameFaults(metadata);
  const namespace = metadata["namespace"] ?? "default";
  if (typeof namespace !== "string" || !namespacePattern.test(namespace)) {
    const message = "metadata.namespace is no name of a namespace";
    yield { code: "invalid-name", message, path: ["metadata", "namespace"] };
  }
  yield* textFaults("labels", metadata["labels"] ?? {});
  yield* textFaults("annotations", metadata["annotations"] ?? {});
}

function* nameFaults(metadata: JsonRecord): Generator<Fault> {
  const name = metadata["name"] ?? "";
  const path = ["metadata", "name"];
  if (typeof name !== "string") {
    yield { code: "invalid-name", message: "metadata.name has to be text", path, hint: "quote it" };
  } else if (name !== "" && !namePattern.test(name)) {
    yield { code: "invalid-name", message: `${quote(name)} is no name`, path };
  } else if (name === "" && metadata["generateName"] !== undefined) {
    const message = "an object with only generateName would be a new one every time";
    yield { code: "generated-name", message, path: ["metadata", "generateName"], hint: "give it a name" };
  } else if (name === "") {
    yield { code: "missing-name", message: "metadata.name is missing", path: ["metadata"] };
  }
}

/** A server answers numbers and booleans here with an internal error. */
function* textFaults(key: "labels" | "annotations", texts: unknown): Generator<Fault> {
  const path = ["metadata", key];
  if (!isRecord(texts)) {
    yield { code: "not-text", message: `metadata.${key} has to be a map`, path };
    return;
  }
  for (const [entry, value] of Object.entries(texts)) {
    if (typeof value === "string" || value === null) continue;
    const message = `metadata.${key}: ${entry} has to be text`;
    yield { code: "not-text", message, path: [...path, entry], hint: "quote it" };
  }
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
