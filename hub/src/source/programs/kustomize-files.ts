import { posix } from "node:path";

import type { YamlDocument } from "@drover/shared/decode";
import { canonicalJson, digestOf, type Digest } from "@drover/shared/digest";
import { DroverError, type Position } from "@drover/shared/errors";
import { isRecord, textAt } from "@drover/shared/json";

import { findKustomization } from "../../core/render/kustomization.ts";
import type { Snapshot } from "../snapshot.ts";

/** Fields that name other kustomizations or files to load objects and rules from. */
const references = [
  "bases",
  "components",
  "configurations",
  "crds",
  "generators",
  "resources",
  "transformers",
  "validators",
] as const;
/** Fields whose entries are files, or maps with a `path` to one. */
const files = ["patches", "patchesJson6902", "patchesStrategicMerge", "replacements"] as const;

/**
 * The files that a build of the kustomization can read: its folder, and those of all kustomizations that it leads to.
 * Throws `document_invalid` for what is not in the repository: kustomize would go and look for it on the network.
 */
export async function filesForKustomize(snapshot: Snapshot, path: string): Promise<readonly string[]> {
  const folders = new Set<string>();
  const queue = [path];
  for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
    if (folders.has(folder)) continue;
    folders.add(folder);
    queue.push(...(await referencedFolders(snapshot, folder)));
  }
  // A folder within another one brings no more files.
  const prefixes = [...folders].map((folder) => (folder === "" ? "" : `${folder}/`));
  return [...snapshot.entries.values()]
    .filter((entry) => entry.mode !== "submodule" && prefixes.some((prefix) => entry.path.startsWith(prefix)))
    .map((entry) => entry.path);
}

/** Of each snapshot, by path: it is asked when a commit comes, when the next one does, and for each variant. */
const keys = new WeakMap<Snapshot, Map<string, Promise<Digest>>>();

/**
 * Equal when a build would read the same. A kustomization whose files cannot even be told is built, which says why, once a
 * commit.
 */
export function kustomizeKey(snapshot: Snapshot, path: string): Promise<Digest> {
  const known = keys.get(snapshot) ?? new Map<string, Promise<Digest>>();
  keys.set(snapshot, known);
  const key = known.get(path) ?? readKey(snapshot, path);
  known.set(path, key);
  return key;
}

async function readKey(snapshot: Snapshot, path: string): Promise<Digest> {
  const read = filesForKustomize(snapshot, path).then((files) =>
    Promise.all(
      files.map(async (file) => {
        const target = await snapshot.resolve(file);
        // A link to a folder stays a link: what is in the folder counts where it is copied itself.
        return [file, target.mode, target.mode === "folder" ? target.path : target.oid];
      }),
    ),
  );
  return digestOf(canonicalJson(await read.catch(() => snapshot.commit.id)));
}

async function referencedFolders(snapshot: Snapshot, folder: string): Promise<readonly string[]> {
  const file = findKustomization(snapshot, folder);
  if (file === undefined) return [];
  const found: string[] = [];
  // Syntax errors are for kustomize to explain.
  const { documents } = await snapshot.decode(file);
  for (const document of documents) {
    if (!isRecord(document.value)) continue;
    if (document.value["helmCharts"] !== undefined || document.value["helmChartInflationGenerator"] !== undefined) {
      throw refuse("kustomize may not run Helm here", document.positionOf(["helmCharts"]));
    }
    for (const { text, at } of [...localReferences(document), ...fileReferences(document)]) {
      const target = await locate(snapshot, { folder, text, at });
      if (target !== undefined) found.push(target);
    }
  }
  return found;
}

interface Reference {
  readonly text: string;
  readonly at: Position;
}

function* localReferences(document: YamlDocument): Generator<Reference> {
  for (const field of references) {
    for (const [index, entry] of listAt(document, field).entries()) {
      // A transformer may also be written in place, as YAML in several lines.
      if (typeof entry !== "string" || entry.includes("\n")) continue;
      yield { text: entry, at: document.positionOf([field, index]) };
    }
  }
}

function* fileReferences(document: YamlDocument): Generator<Reference> {
  for (const field of files) {
    for (const [index, entry] of listAt(document, field).entries()) {
      const text = typeof entry === "string" ? entry : textAt(entry, "path");
      if (text === undefined || text.includes("\n")) continue;
      yield { text, at: document.positionOf([field, index]) };
    }
  }
  for (const field of ["configMapGenerator", "secretGenerator"]) {
    for (const [index, generator] of listAt(document, field).entries()) {
      const record = isRecord(generator) ? generator : {};
      for (const list of [record["files"], record["envs"], [record["env"]]]) {
        for (const entry of Array.isArray(list) ? list : []) {
          if (typeof entry !== "string") continue;
          // `key=file`
          yield { text: entry.slice(entry.indexOf("=") + 1), at: document.positionOf([field, index]) };
        }
      }
    }
  }
  const openapi = textAt(document.value, "openapi", "path");
  if (openapi !== undefined) yield { text: openapi, at: document.positionOf(["openapi"]) };
}

function listAt(document: YamlDocument, field: string): readonly unknown[] {
  const list = isRecord(document.value) ? document.value[field] : undefined;
  return Array.isArray(list) ? list : [];
}

/** The folder of another kustomization; undefined for a file that is there. */
async function locate(
  snapshot: Snapshot,
  { folder, text, at }: Reference & { readonly folder: string },
): Promise<string | undefined> {
  const path = posix.join(folder, text).replace(/\/$/u, "");
  const outside = path === ".." || path.startsWith("../") || text.startsWith("/");
  if (outside) throw refuse(`${text} leads out of the repository`, at);
  try {
    const target = await snapshot.resolve(path === "." ? "" : path);
    if (target.mode === "folder") return target.path;
    if (folder === "" || path.startsWith(`${folder}/`)) return undefined;
    throw refuse(`${text} is not below ${folder}, and kustomize reads files only there`, at);
  } catch (cause) {
    if (DroverError.from(cause).code !== "not_found") throw cause;
    if (!/:\/\/|^[^/]+@[^/]+:|^(?:github\.com|gitlab\.com|bitbucket\.org)\/|\?ref=/u.test(text)) {
      throw refuse(`there is no ${text} in the repository`, at);
    }
    throw refuse(`${text} is remote, and remote bases are not read`, at, "copy it into the repository");
  }
}

function refuse(message: string, at: Position, hint?: string): DroverError {
  return new DroverError("document_invalid", message, { at, ...(hint === undefined ? {} : { hint }) });
}
