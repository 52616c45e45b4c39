export type ResourceInfo = {
  group: string;
  version: string;
  kind: string;
  plural: string;
  singular: string;
  namespaced: boolean;
  shortNames: readonly string[];
  categories: readonly string[];
  subresources: readonly ("status" | "scale")[];
};

export const builtinResources: readonly ResourceInfo[] = [];
