import { isDigest } from "@drover/shared/digest";
import { DroverError } from "@drover/shared/errors";

import { readChartIndex } from "../../core/chart-index.ts";
import type { PackageRef } from "../../core/package.ts";
import { pickVersion } from "../../core/version-range.ts";
import { basicOf } from "../web/credential.ts";
import { createWebClient } from "../web/web-client.ts";
import type { ChartIndexes } from "./chart-indexes.ts";
import { refusal } from "./registry.ts";
import type { Resolved, ResolveOptions } from "./resolved.ts";

const maxIndexBytes = 64 * 1024 * 1024;

/**
 * What a reference to a chart repository over http(s) names now, by its index. Credentials go to the repository's own
 * origin only, wherever the index says that archives are. Throws as `resolveInRegistry` does.
 */
export async function resolveInIndex(
  ref: PackageRef,
  options: ResolveOptions & { readonly indexes: ChartIndexes },
): Promise<Resolved> {
  const folder = `${ref.repository}/`;
  if (!URL.canParse(folder)) throw new DroverError("usage", `${ref.repository} is no address`);
  const base = new URL(folder);
  const client = createWebClient({ origin: base.origin, ...options });
  const authorization = basicOf(options.credential);
  const index = new URL("index.yaml", base);
  // Whom it is shown to is part of its name: others may be shown another.
  const bytes = await options.indexes.read(`${ref.credential} ${index.href}`, async (headers) => {
    const answer = await client.get(index, { authorization, headers, maxBytes: maxIndexBytes });
    if (answer.status === 200 || answer.status === 304) return answer;
    throw refusal(index, answer.status);
  });
  const entries = readChartIndex(new TextDecoder().decode(bytes), ref.name);
  const versions = entries.map(({ version }) => version);
  const version = pickVersion(ref.version, versions);
  const entry = entries.find((one) => one.version === version);
  if (version === undefined || entry === undefined) {
    const message = `${ref.repository} has no chart ${ref.name} in version ${ref.version}`;
    const known = `the index begins with ${versions.slice(0, 5).join(", ")}`;
    const hint = entries.length === 0 ? `the index names no chart ${ref.name}` : known;
    throw new DroverError("source_ref_missing", message, { hint });
  }
  // Taken for none, it would let any archive in.
  if (entry.digest !== "" && !isDigest(entry.digest)) {
    throw new DroverError("document_invalid", `the index has no SHA-256 digest for ${ref.name} ${version}`);
  }
  return {
    version,
    digest: undefined,
    content: entry.digest === "" ? undefined : entry.digest,
    download: async (maxBytes) => {
      const url = archiveUrl(entry.url, base);
      const { status, body } = await client.get(url, { authorization, maxBytes });
      if (status === 200) return body;
      throw refusal(url, status);
    },
  };
}

function archiveUrl(text: string, base: URL): URL {
  const url = URL.canParse(text, base.href) ? new URL(text, base) : undefined;
  if (url !== undefined && (url.protocol === "https:" || url.protocol === base.protocol)) return url;
  throw new DroverError("forbidden", `the index names an archive where it may not be: ${url?.protocol ?? ""}//…`);
}
