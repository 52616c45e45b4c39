import type { Cause } from "../http/status.ts";
import { listAt, numberAt, recordAt, recordsAt, textAt, textsAt, type JsonRecord } from "../json.ts";
import { labelSelectorOf } from "../storage/selectors.ts";
import { duplicate, invalidValue, notFoundValue, notSupported, required } from "./causes.ts";
import { checkLabelName, checkLabels } from "./names.ts";

const highestPort = 65_535;

/** The pod template of a workload's spec at `field`. */
export function checkTemplate(spec: unknown, field: string, policies: readonly string[] = ["Always"]): Cause[] {
  const claims = recordsAt(spec, "volumeClaimTemplates").map((claim) => textAt(claim, "metadata", "name") ?? "");
  const template = recordAt(spec, "template");
  const templateField = `${field}.template`;
  const labels = textsAt(template, "metadata", "labels");
  const podSpec = recordAt(template, "spec") ?? {};
  const policy = textAt(podSpec, "restartPolicy") ?? "Always";
  return [
    ...checkLabels(labels, `${templateField}.metadata.labels`),
    ...checkPodSpec(podSpec, `${templateField}.spec`, claims),
    ...(policies.includes(policy) ? [] : [notSupported(`${templateField}.spec.restartPolicy`, policy, policies)]),
  ];
}

export function checkSelector(spec: unknown, field: string): Cause[] {
  const selector = recordAt(spec, "selector");
  if (selector === undefined) return [required(`${field}.selector`)];
  if (Object.keys(textsAt(selector, "matchLabels")).length === 0 && listAt(selector, "matchExpressions").length === 0) {
    return [invalidValue(`${field}.selector`, selector, "empty selector is invalid for deployment")];
  }
  const labels = textsAt(spec, "template", "metadata", "labels");
  if (labelSelectorOf(selector)(labels)) return [];
  return [invalidValue(`${field}.template.metadata.labels`, labels, "`selector` does not match template `labels`")];
}

/** `claims` are names of volumes that the workload adds to its pods. */
export function checkPodSpec(spec: JsonRecord, field: string, claims: readonly string[] = []): Cause[] {
  const volumes = recordsAt(spec, "volumes");
  const volumeNames = new Set([...claims, ...volumes.map((volume) => textAt(volume, "name") ?? "")]);
  const containers = recordsAt(spec, "containers");
  const initContainers = recordsAt(spec, "initContainers");
  return [
    ...uniqueNames(volumes, `${field}.volumes`),
    ...(containers.length === 0 ? [required(`${field}.containers`)] : []),
    ...uniqueNames(containers, `${field}.containers`),
    ...uniqueNames(initContainers, `${field}.initContainers`),
    ...containers.flatMap((each, i) => checkContainer(each, volumeNames, `${field}.containers[${i}]`)),
    ...initContainers.flatMap((each, i) => checkContainer(each, volumeNames, `${field}.initContainers[${i}]`)),
  ];
}

function checkContainer(container: JsonRecord, volumes: ReadonlySet<string>, field: string): Cause[] {
  return [
    ...((textAt(container, "image") ?? "") === "" ? [required(`${field}.image`)] : []),
    ...recordsAt(container, "ports").flatMap((port, i) =>
      checkPort(port["containerPort"], `${field}.ports[${i}].containerPort`),
    ),
    ...recordsAt(container, "env").flatMap((each, i) =>
      (textAt(each, "name") ?? "") === "" ? [required(`${field}.env[${i}].name`)] : [],
    ),
    ...recordsAt(container, "volumeMounts").flatMap((mount, i) => {
      const name = textAt(mount, "name") ?? "";
      const mountField = `${field}.volumeMounts[${i}]`;
      return [
        ...(name === ""
          ? [required(`${mountField}.name`)]
          : volumes.has(name)
            ? []
            : [notFoundValue(`${mountField}.name`, name)]),
        ...((textAt(mount, "mountPath") ?? "") === "" ? [required(`${mountField}.mountPath`)] : []),
      ];
    }),
  ];
}

export function checkPort(port: unknown, field: string): Cause[] {
  if (port === undefined) return [required(field)];
  const inRange = typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= highestPort;
  return inRange ? [] : [invalidValue(field, port, "must be between 1 and 65535, inclusive")];
}

export function checkNotNegative(spec: unknown, name: string, field: string): Cause[] {
  const value = numberAt(spec, name);
  return value !== undefined && value < 0
    ? [invalidValue(`${field}.${name}`, value, "must be greater than or equal to 0")]
    : [];
}

function uniqueNames(items: readonly JsonRecord[], field: string): Cause[] {
  const seen = new Set<string>();
  return items.flatMap((item, i) => {
    const name = textAt(item, "name") ?? "";
    const causes = checkLabelName(name, `${field}[${i}].name`);
    if (seen.has(name)) causes.push(duplicate(`${field}[${i}].name`, name));
    seen.add(name);
    return causes;
  });
}
