import { isDigest, type Digest } from "@drover/shared/digest";

import { nameRule, type Fields } from "./fields.ts";
import { digestRule, readChartRepository } from "./package.ts";

/** Where a chart's dependencies may be fetched from: an item of `helm.repositories`. */
export interface ChartRepository {
  /** Without a slash at the end: `https://charts.example.org`, or `oci://registry.example.org/charts`. */
  readonly url: string;
  /** As Chart.yaml calls it in `@NAME` and `alias:NAME`; "" = only by its address. */
  readonly name: string;
  /** By its name on the hub; "" = none. */
  readonly credential: string;
  /** Of archives, by `NAME-VERSION`; the first one that was fetched counts where there is none. */
  readonly digests: Readonly<Record<string, Digest>>;
}

/** What `helm repo add` takes for a name, as far as it is reasonable. */
const repositoryName = { pattern: /^[A-Za-z0-9][-._A-Za-z0-9]{0,99}$/u, rule: "a name as in helm repo add" };

export function readChartRepositories(helm: Fields): readonly ChartRepository[] {
  return helm.maps("repositories").map((fields) => {
    const repository: ChartRepository = {
      url: readChartRepository(fields, "url"),
      name: fields.text("name", repositoryName) ?? "",
      credential: fields.text("credential", nameRule) ?? "",
      digests: readDigests(fields.map("digests")),
    };
    fields.finish();
    return repository;
  });
}

function readDigests(fields: Fields | undefined): Readonly<Record<string, Digest>> {
  const digests: [string, Digest][] = [];
  for (const archive of fields?.keys() ?? []) {
    const digest = fields?.text(archive, digestRule) ?? "";
    if (isDigest(digest)) digests.push([archive, digest]);
  }
  return Object.fromEntries(digests);
}
