import type { Position } from "@drover/shared/errors";
import { isRecord, type JsonRecord } from "@drover/shared/json";
import type { KubeObject } from "@drover/shared/kube/manifest";

import type { Fields } from "./fields.ts";

/** Another image for all containers that have this one, as kustomize's `images` says it. */
export interface ImageChange {
  /** Without tag and digest. */
  readonly name: string;
  readonly newName: string | undefined;
  /** At most one of the two; with neither the tag stays. */
  readonly newTag: string | undefined;
  readonly digest: string | undefined;
  readonly at: Position;
}

const parts = ["newName", "newTag", "digest"] as const;

export function readImage(fields: Fields): ImageChange {
  const change = {
    name: fields.requiredText("name"),
    newName: fields.text("newName"),
    newTag: fields.text("newTag"),
    digest: fields.text("digest"),
    at: fields.at,
  };
  if (!parts.some((part) => fields.has(part))) fields.note([], `changes nothing: give it one of ${parts.join(", ")}`);
  if (change.newTag !== undefined && change.digest !== undefined) fields.wrong("digest", "cannot be given with newTag");
  fields.finish();
  return change;
}

const containerLists: ReadonlySet<string> = new Set(["containers", "initContainers", "ephemeralContainers"]);

/** Changes the images of the containers of an object, in whatever depth they are. The same object when none is meant. */
export function changeImage(object: KubeObject, change: ImageChange): KubeObject {
  return changeIn(object, change) as KubeObject;
}

function changeIn(value: unknown, change: ImageChange): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => changeIn(item, change));
    return items.some((item, index) => item !== value[index]) ? items : value;
  }
  if (!isRecord(value)) return value;
  let isSame = true;
  const fields = Object.entries(value).map(([key, field]) => {
    const inner = changeIn(field, change);
    const changed = containerLists.has(key) && Array.isArray(inner) ? changeContainers(inner, change) : inner;
    isSame &&= changed === field;
    return [key, changed] as const;
  });
  return isSame ? value : Object.fromEntries(fields);
}

function changeContainers(containers: readonly unknown[], change: ImageChange): readonly unknown[] {
  const changed = containers.map((container) => (isRecord(container) ? changeContainer(container, change) : container));
  return changed.some((container, index) => container !== containers[index]) ? changed : containers;
}

function changeContainer(container: JsonRecord, change: ImageChange): JsonRecord {
  const { image } = container;
  if (typeof image !== "string") return container;
  const { name, suffix } = splitImage(image);
  if (name !== change.name) return container;
  const kept = change.newTag === undefined && change.digest === undefined ? suffix : "";
  const tag = change.newTag === undefined ? "" : `:${change.newTag}`;
  const digest = change.digest === undefined ? "" : `@${change.digest}`;
  return { ...container, image: `${change.newName ?? name}${kept}${tag}${digest}` };
}

/** A colon after the last slash begins a tag; one before it belongs to the registry's port. */
function splitImage(image: string): { readonly name: string; readonly suffix: string } {
  const at = image.indexOf("@");
  const named = at === -1 ? image : image.slice(0, at);
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  const end = colon === -1 ? named.length : colon;
  return { name: image.slice(0, end), suffix: image.slice(end) };
}
