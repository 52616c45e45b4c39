/** What a chart looks at of the cluster that it is for. What it does not look at cannot change what it renders. */
export interface Looks {
  /** The version of Kubernetes. */
  readonly version: boolean;
  /** The list of APIs. */
  readonly apis: boolean;
}

export const looksAtNothing: Looks = { version: false, apis: false };

/** An API that a template asks for by its name. */
export interface Question {
  readonly api: string;
  readonly line: number;
}

/** In a template, in values that one may run, and behind an index; what is in doubt counts. */
const mention = /[."'`]Capabilities\b(?:\.(?<part>\w+))?/gu;
const question = /\.APIVersions\.Has\s+\(?\s*["`](?<api>[^"`\n]+)["`]/gu;

export function findLooks(text: string): Looks {
  const parts = [...text.matchAll(mention)].map(({ groups }) => groups?.["part"]);
  // Whoever hands on all of them may look at any.
  const isBoth = parts.some((part) => part !== "KubeVersion" && part !== "APIVersions" && part !== "HelmVersion");
  return {
    version: isBoth || parts.includes("KubeVersion"),
    apis: isBoth || parts.includes("APIVersions"),
  };
}

export function findQuestions(text: string): readonly Question[] {
  let line = 1;
  let from = 0;
  return [...text.matchAll(question)].map(({ index, groups }) => {
    for (let at = text.indexOf("\n", from); at !== -1 && at < index; at = text.indexOf("\n", at + 1)) line += 1;
    from = index;
    return { api: groups?.["api"] ?? "", line };
  });
}

export function mergeLooks(all: readonly Looks[]): Looks {
  return { version: all.some(({ version }) => version), apis: all.some(({ apis }) => apis) };
}
