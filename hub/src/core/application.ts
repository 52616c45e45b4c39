import type { Position } from "@drover/shared/errors";

export const renderers = ["auto", "plain", "kustomize"] as const;

export type Renderer = (typeof renderers)[number];

/** What to run: a folder of a repository and how to render it. */
export interface Application {
  readonly kind: "Application";
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The source that declares it. */
  readonly repository: string;
  readonly source: {
    readonly repository: string;
    /** From the root of that repository, no leading or trailing slash; "" is the root. */
    readonly path: string;
  };
  readonly renderer: Renderer;
  /** For objects that name none. */
  readonly namespace: string;
  readonly sync: {
    readonly prune: boolean;
    /** Whether a folder that has become empty may prune everything. */
    readonly allowEmpty: boolean;
    readonly createNamespace: boolean;
  };
  readonly at: Position;
}
