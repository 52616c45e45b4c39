import { isRecord, numberAt, recordAt, recordsAt, textAt, without } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";
import { ingressToBeta, ingressToV1 } from "./convert-ingress.ts";
import { apiVersionOf, type ServedKind } from "./kinds.ts";

/** The object in the kind's own version. What is stored under another one is converted; most versions share a shape. */
export function convert(object: KubeObject, kind: ServedKind): KubeObject {
  const apiVersion = apiVersionOf(kind.info);
  if (object.apiVersion === apiVersion) return object;
  switch (kind.collection) {
    case "autoscaling/horizontalpodautoscalers":
      if (kind.info.version === "v1") return autoscalerToV1(object);
      // v2beta2 has the shape of v2.
      return { ...(object.apiVersion === "autoscaling/v1" ? autoscalerToV2(object) : object), apiVersion };
    case "networking.k8s.io/ingresses":
      return kind.info.version === "v1" ? ingressToV1(object) : ingressToBeta(object, apiVersion);
    default:
      return { ...object, apiVersion };
  }
}

function isCpuUtilization(metric: unknown): boolean {
  return (
    textAt(metric, "type") === "Resource" &&
    textAt(metric, "resource", "name") === "cpu" &&
    numberAt(metric, "resource", "target", "averageUtilization") !== undefined
  );
}

const metricsAnnotation = "autoscaling.alpha.kubernetes.io/metrics";

/** autoscaling/v1 knows only CPU; other metrics travel in an annotation, so that nothing is lost on the way back. */
function autoscalerToV1(object: KubeObject): KubeObject {
  const metrics = recordsAt(object, "spec", "metrics");
  const target = numberAt(metrics.find(isCpuUtilization), "resource", "target", "averageUtilization");
  const others = metrics.filter((metric) => !isCpuUtilization(metric));
  const annotations = { ...object.metadata.annotations };
  if (others.length > 0) annotations[metricsAnnotation] = JSON.stringify(others);
  return {
    ...object,
    apiVersion: "autoscaling/v1",
    metadata: { ...object.metadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec: {
      ...without(recordAt(object, "spec") ?? {}, "metrics"),
      ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }),
    },
  };
}

function autoscalerToV2(object: KubeObject): KubeObject {
  const target = numberAt(object, "spec", "targetCPUUtilizationPercentage");
  const kept = object.metadata.annotations?.[metricsAnnotation];
  const others: unknown = kept === undefined ? [] : JSON.parse(kept);
  const metrics = [
    ...(Array.isArray(others) ? (others as unknown[]).filter(isRecord) : []),
    ...(target === undefined
      ? []
      : [{ type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: target } } }]),
  ];
  const annotations = without(object.metadata.annotations ?? {}, metricsAnnotation);
  const metadata = without(object.metadata, "annotations");
  return {
    ...object,
    apiVersion: "autoscaling/v2",
    metadata: { ...metadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec: {
      ...without(recordAt(object, "spec") ?? {}, "targetCPUUtilizationPercentage"),
      ...(metrics.length > 0 ? { metrics } : {}),
    },
  };
}
