/** A declaration of a kind, in YAML; what is given is put into it as it is. */
export const quoted = (text: string): string => JSON.stringify(text);
export const document = (kind: string, rest: string, metadata = "name: shop"): string =>
  `apiVersion: drover.dev/v1alpha1\nkind: ${kind}\nmetadata: { ${metadata} }\n${rest}\n`;
export const application = (spec: string): string => document("Application", `spec: { source: { path: a }, ${spec} }`);
export const placement = (spec: string): string => document("Placement", `spec: { applications: [shop], ${spec} }`);
export const override = (spec: string): string => placement(`selector: {}, overrides: [{ selector: {}, ${spec} }]`);
export const patch = (spec: string): string => override(`patches: [{ target: { name: web }, ${spec} }]`);
export const json = (...operations: readonly string[]): string =>
  patch(`json: [${operations.map((one) => `{ ${one} }`).join(", ")}]`);
export const repeat = (count: number, item: (index: number) => string, separator = ", "): string =>
  Array.from({ length: count }, (_, index) => item(index)).join(separator);
