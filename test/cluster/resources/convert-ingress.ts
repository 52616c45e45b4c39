import { recordAt, recordsAt, without, type JsonRecord } from "../json.ts";
import type { KubeObject } from "../schema/schema.ts";

type Convert = (backend: JsonRecord) => JsonRecord;

/** networking.k8s.io/v1 from v1beta1 of either group, which names services flatly. */
export function ingressToV1(object: KubeObject): KubeObject {
  const spec = recordAt(object, "spec") ?? {};
  const { backend, ...rest } = spec;
  return {
    ...object,
    apiVersion: "networking.k8s.io/v1",
    spec: {
      ...withRules(rest, (each) => withBackend(each, backendToV1)),
      ...(backend === undefined ? {} : { defaultBackend: backendToV1(recordAt(spec, "backend") ?? {}) }),
    },
  };
}

/** v1beta1 from networking.k8s.io/v1. */
export function ingressToBeta(object: KubeObject, apiVersion: string): KubeObject {
  const spec = recordAt(object, "spec") ?? {};
  const backend = recordAt(spec, "defaultBackend");
  return {
    ...object,
    apiVersion,
    spec: {
      ...withRules(without(spec, "defaultBackend"), (each) => withBackend(each, backendToBeta)),
      ...(backend === undefined ? {} : { backend: backendToBeta(backend) }),
    },
  };
}

function withRules(spec: JsonRecord, convert: Convert): JsonRecord {
  if (!Array.isArray(spec["rules"])) return spec;
  const rules = recordsAt(spec, "rules").map((rule) => {
    if (recordAt(rule, "http") === undefined) return rule;
    return { ...rule, http: { ...recordAt(rule, "http"), paths: recordsAt(rule, "http", "paths").map(convert) } };
  });
  return { ...spec, rules };
}

function withBackend(path: JsonRecord, convert: Convert): JsonRecord {
  return { ...path, backend: convert(recordAt(path, "backend") ?? {}) };
}

function backendToV1(backend: JsonRecord): JsonRecord {
  const { serviceName, servicePort, ...rest } = backend;
  if (serviceName === undefined && servicePort === undefined) return rest;
  const port = typeof servicePort === "string" ? { name: servicePort } : { number: servicePort };
  return { ...rest, service: { name: serviceName, port } };
}

function backendToBeta(backend: JsonRecord): JsonRecord {
  const service = recordAt(backend, "service");
  if (service === undefined) return backend;
  const { name, number } = recordAt(service, "port") ?? {};
  return { ...without(backend, "service"), serviceName: service["name"], servicePort: name ?? number };
}
