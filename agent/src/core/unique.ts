import { at, isRecord, type JsonRecord } from "@drover/shared/json";

/** Fields of a Service whose value no two objects of a cluster can have (case 54). */
const unique = /^spec\.(?:ports\[\d+\]\.nodePort|healthCheckNodePort|clusterIP|clusterIPs\[\d+\]|loadBalancerIP)$/u;

/**
 * Whether a live object has a value that another one was refused for: it then has to go first. `fields` are those that
 * the server would not take, such as `spec.ports[0].nodePort`.
 */
export function isInTheWay(
  live: JsonRecord,
  other: { readonly desired: JsonRecord; readonly fields: readonly string[] },
): boolean {
  return other.fields
    .filter((field) => unique.test(field))
    .some((field) => {
      const wanted = valuesAt(other.desired, field);
      return valuesAt(live, field.replaceAll(/\d+/gu, "*")).some((value) => wanted.includes(value));
    });
}

/** The values at a path; `[*]` stands for every item of a list. */
function valuesAt(object: JsonRecord, field: string): readonly unknown[] {
  let found: readonly unknown[] = [object];
  for (const [, name, index] of field.matchAll(/(?<name>\w+)(?:\[(?<index>\d+|\*)\])?/gu)) {
    found = found.flatMap((value) => {
      const next = isRecord(value) && name !== undefined ? at(value, name) : undefined;
      if (index === undefined) return [next];
      if (!Array.isArray(next)) return [];
      return index === "*" ? next : [next[Number(index)]];
    });
  }
  return found.filter((value) => value !== undefined && value !== "" && value !== "None");
}
