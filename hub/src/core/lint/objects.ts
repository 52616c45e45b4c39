import { isRecord, listAt, recordAt, recordsAt, textAt, type JsonRecord } from "@drover/shared/json";
import { formatObjectKey, objectKey, type KubeObject, type Manifest } from "@drover/shared/kube/manifest";
import type { Problem } from "@drover/shared/problems";

/** What will not work, or not the same tomorrow, in the objects of one application. */
export function lintObjects(manifests: readonly Manifest[]): readonly Problem[] {
  const pods = manifests.flatMap(({ object }) => podOf(object));
  return manifests.flatMap((manifest) => [
    ...lintImages(manifest),
    ...lintSecret(manifest),
    ...lintPorts(manifest, pods),
  ]);
}

interface Pod {
  readonly labels: JsonRecord;
  readonly namespace: string;
  readonly containers: readonly JsonRecord[];
}

function podOf(object: KubeObject): readonly Pod[] {
  const template =
    object.kind === "Pod"
      ? object
      : (recordAt(object, "spec", "template") ?? recordAt(object, "spec", "jobTemplate", "spec", "template"));
  const containers = recordsAt(template, "spec", "containers");
  if (containers.length === 0) return [];
  const labels = recordAt(template, "metadata", "labels") ?? {};
  return [
    {
      labels,
      namespace: object.metadata.namespace ?? "",
      containers: [...containers, ...recordsAt(template, "spec", "initContainers")],
    },
  ];
}

/** An image without a tag, or with one that moves, is another one tomorrow. */
function lintImages({ object, at }: Manifest): readonly Problem[] {
  const images = podOf(object).flatMap(({ containers }) =>
    containers.map((container) => textAt(container, "image") ?? ""),
  );
  return [...new Set(images)].filter(isMoving).map((image) => ({
    code: "image-unpinned",
    severity: "warning",
    message: `${nameOf(object)}: the image ${image} has no tag that stays`,
    hint: "name a version, or better a digest",
    ...(at === undefined ? {} : { at }),
  }));
}

function isMoving(image: string): boolean {
  if (image === "" || image.includes("@")) return false;
  const tag = /:(?<tag>[^/:]*)$/u.exec(image)?.groups?.["tag"];
  return tag === undefined || tag === "latest";
}

/** The values themselves are never quoted. */
function lintSecret({ object, at }: Manifest): readonly Problem[] {
  const isClear =
    object.apiVersion === "v1" &&
    object.kind === "Secret" &&
    isRecord(object["data"]) &&
    Object.keys(object["data"]).length > 0;
  if (!isClear) return [];
  const message = `${nameOf(object)}: its values are in Git for everybody who can read the repository`;
  const hint = "use SealedSecret or ExternalSecret";
  return [{ code: "secret-in-clear", severity: "warning", message, hint, ...(at === undefined ? {} : { at }) }];
}

/** A port of a Service that none of its pods, as far as they are in the application, listens on. */
function lintPorts({ object, at }: Manifest, pods: readonly Pod[]): readonly Problem[] {
  const selector = recordAt(object, "spec", "selector");
  if (object.apiVersion !== "v1" || object.kind !== "Service" || selector === undefined) return [];
  const own = pods.filter(
    ({ labels, namespace }) => namespace === (object.metadata.namespace ?? "") && isSubset(selector, labels),
  );
  const ports = own.flatMap(({ containers }) => containers.flatMap((container) => recordsAt(container, "ports")));
  // Containers need not say on which ports they listen.
  if (ports.length === 0) return [];
  return listAt(object, "spec", "ports").flatMap((port) => {
    const wanted = isRecord(port) ? (port["targetPort"] ?? port["port"]) : undefined;
    const isKnown = ports.some(({ containerPort, name }) => containerPort === wanted || name === wanted);
    if (isKnown || wanted === undefined) return [];
    const known = ports.map((one) => textOf(one["name"] ?? one["containerPort"]));
    const message = `${nameOf(object)}: no container listens on ${textOf(wanted)}, but on ${known.join(", ")}`;
    return [{ code: "port-unknown", severity: "warning" as const, message, ...(at === undefined ? {} : { at }) }];
  });
}

function textOf(port: unknown): string {
  return typeof port === "string" ? port : JSON.stringify(port);
}

function isSubset(part: JsonRecord, whole: JsonRecord): boolean {
  return Object.entries(part).every(([key, value]) => whole[key] === value);
}

function nameOf(object: KubeObject): string {
  return formatObjectKey(objectKey(object));
}
