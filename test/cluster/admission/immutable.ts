import type { Cause } from "../http/status.ts";
import { at, equalJson, isRecord, recordAt, textAt, without } from "../json.ts";
import type { ServedKind } from "../resources/kinds.ts";
import type { KubeObject } from "../schema/schema.ts";
import { forbiddenField, invalidValue } from "./causes.ts";

type Check = (live: KubeObject, object: KubeObject) => Cause[];

const immutableField = "field is immutable";

/** Fields that must stay as they were created, with the wording of the real server. */
const checks: Readonly<Record<string, readonly Check[]>> = {
  "/configmaps": [frozenData],
  "/secrets": [frozenData, fixed("type")],
  "/persistentvolumeclaims": [claimSpec],
  "/persistentvolumes": [volumeSource],
  "/pods": [podSpec],
  "/services": [clusterAddress],
  "apps/daemonsets": [fixed("spec.selector")],
  "apps/deployments": [fixed("spec.selector")],
  "apps/replicasets": [fixed("spec.selector")],
  "apps/statefulsets": [statefulSetSpec],
  "apiextensions.k8s.io/customresourcedefinitions": [
    fixed("spec.group"),
    fixed("spec.scope"),
    fixed("spec.names.kind"),
    fixed("spec.names.plural"),
  ],
  "batch/jobs": [fixed("spec.selector"), fixed("spec.completionMode"), jobCompletions, jobTemplate],
  "networking.k8s.io/ingressclasses": [fixed("spec.controller")],
  "rbac.authorization.k8s.io/clusterrolebindings": [roleRef],
  "rbac.authorization.k8s.io/rolebindings": [roleRef],
  "scheduling.k8s.io/priorityclasses": [fixed("value", "may not be changed in an update."), fixed("preemptionPolicy")],
  "storage.k8s.io/storageclasses": [
    updatesForbidden("parameters"),
    updatesForbidden("provisioner"),
    updatesForbidden("reclaimPolicy"),
    fixed("volumeBindingMode"),
  ],
};

export function checkImmutable(kind: ServedKind, live: KubeObject, object: KubeObject): Cause[] {
  return (checks[kind.collection] ?? []).flatMap((check) => check(live, object));
}

function fixed(field: string, why = immutableField): Check {
  const path = field.split(".");
  return (live, object) => {
    const value = at(object, ...path);
    return equalJson(at(live, ...path), value) ? [] : [invalidValue(field, value, why)];
  };
}

function updatesForbidden(field: string): Check {
  return (live, object) =>
    equalJson(at(live, field), at(object, field)) ? [] : [forbiddenField(field, `updates to ${field} are forbidden.`)];
}

function frozenData(live: KubeObject, object: KubeObject): Cause[] {
  if (live["immutable"] !== true) return [];
  const why = "field is immutable when `immutable` is set";
  const causes = ["data", "binaryData"]
    .filter((field) => !equalJson(live[field] ?? {}, object[field] ?? {}))
    .map((field) => forbiddenField(field, why));
  return object["immutable"] === true ? causes : [forbiddenField("immutable", why), ...causes];
}

function claimSpec(live: KubeObject, object: KubeObject): Cause[] {
  const core = (claim: KubeObject): unknown => {
    const spec = recordAt(claim, "spec") ?? {};
    const resources = recordAt(spec, "resources") ?? {};
    // A volume name is the binding, which comes after creation.
    const free = textAt(live, "spec", "volumeName") === undefined ? ["volumeName"] : [];
    return { ...without(spec, "volumeAttributesClassName", ...free), resources: without(resources, "requests") };
  };
  if (equalJson(core(live), core(object))) return [];
  const why =
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";
  return [forbiddenField("spec", why)];
}

function volumeSource(live: KubeObject, object: KubeObject): Cause[] {
  const mutable = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "nodeAffinity",
    "volumeAttributesClassName",
  ];
  const source = (volume: KubeObject): unknown => without(recordAt(volume, "spec") ?? {}, ...mutable);
  const why = "spec.persistentvolumesource is immutable after creation";
  return equalJson(source(live), source(object)) ? [] : [forbiddenField("spec.persistentvolumesource", why)];
}

function podSpec(live: KubeObject, object: KubeObject): Cause[] {
  const withoutImages = (containers: unknown): unknown =>
    Array.isArray(containers)
      ? containers.map((container: unknown) =>
          isRecord(container) ? without(container, "image", "resources") : container,
        )
      : containers;
  const core = (pod: KubeObject): unknown => {
    const spec = without(
      recordAt(pod, "spec") ?? {},
      "activeDeadlineSeconds",
      "tolerations",
      "terminationGracePeriodSeconds",
      "schedulingGates",
      // Placement is the scheduler's, through the binding subresource.
      ...(textAt(live, "spec", "nodeName") === undefined ? ["nodeName"] : []),
    );
    return {
      ...spec,
      containers: withoutImages(spec["containers"]),
      initContainers: withoutImages(spec["initContainers"]),
    };
  };
  if (equalJson(core(live), core(object))) return [];
  const why =
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
  return [forbiddenField("spec", why)];
}

function clusterAddress(live: KubeObject, object: KubeObject): Cause[] {
  const before = textAt(live, "spec", "clusterIP") ?? "";
  const after = textAt(object, "spec", "clusterIP") ?? "";
  const typeChanges = [live, object].some((service) => textAt(service, "spec", "type") === "ExternalName");
  if (before === "" || before === after || typeChanges) return [];
  return [invalidValue("spec.clusterIPs[0]", [after], "may not change once set")];
}

function statefulSetSpec(live: KubeObject, object: KubeObject): Cause[] {
  const mutable = [
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
  ];
  const core = (set: KubeObject): unknown => without(recordAt(set, "spec") ?? {}, ...mutable);
  if (equalJson(core(live), core(object))) return [];
  const why =
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
  return [forbiddenField("spec", why)];
}

function jobCompletions(live: KubeObject, object: KubeObject): Cause[] {
  const indexed = textAt(live, "spec", "completionMode") === "Indexed";
  return indexed ? [] : fixed("spec.completions")(live, object);
}

function jobTemplate(live: KubeObject, object: KubeObject): Cause[] {
  // A suspended Job that never started may still be placed elsewhere.
  const placeable = at(live, "spec", "suspend") === true && textAt(live, "status", "startTime") === undefined;
  const core = (job: KubeObject): unknown => {
    const template = recordAt(job, "spec", "template") ?? {};
    if (!placeable) return template;
    const spec = without(
      recordAt(template, "spec") ?? {},
      "nodeSelector",
      "affinity",
      "tolerations",
      "schedulingGates",
    );
    return { ...without(template, "metadata"), spec };
  };
  const value = at(object, "spec", "template");
  return equalJson(core(live), core(object)) ? [] : [invalidValue("spec.template", value, immutableField)];
}

function roleRef(live: KubeObject, object: KubeObject): Cause[] {
  return fixed("roleRef", "cannot change roleRef")(live, object);
}
