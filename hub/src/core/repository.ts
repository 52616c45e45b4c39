import type { Position } from "@drover/shared/errors";

import { nameRule, type Fields } from "./fields.ts";
import type { Header } from "./header.ts";
import { joinPath } from "./repository-path.ts";
import { isRange, rangeHint } from "./version-range.ts";

/** Another repository, which the hub is to read because one that it reads says so. */
export interface DeclaredRepository {
  readonly kind: "Repository";
  readonly name: string;
  /** The source that declares it. */
  readonly repository: string;
  /** Over http(s) or SSH, and without a password. */
  readonly url: string;
  /** Branch, tag or commit; "" = the default branch, unless `version` is given. */
  readonly ref: string;
  /** A range of versions: the newest tag in it is read; "" = none. */
  readonly version: string;
  /** Only this folder of it; "" = all. */
  readonly path: string;
  readonly intervalSeconds: number;
  /** By its name on the hub, for an address over http(s); "" = none. */
  readonly credential: string;
  /** Keys of its SSH server; none = the first that it shows is pinned. */
  readonly hostKeys: readonly string[];
  /** Keys of those of whom one has to have signed a commit; none = it needs no signature. */
  readonly signedBy: readonly string[];
  /** Whether what it declares itself holds too, and not only its files. */
  readonly declares: boolean;
  readonly at: Position;
}

type Spec = Omit<DeclaredRepository, "kind" | "name" | "repository" | "at">;

const nothing: Spec = {
  url: "",
  ref: "",
  version: "",
  path: "",
  intervalSeconds: 60,
  credential: "",
  hostKeys: [],
  signedBy: [],
  declares: false,
};

/** Roughly: whether they hold keys, and no private ones, is seen where OpenPGP is read. */
const publicKeys = {
  pattern: /-----BEGIN PGP PUBLIC KEY BLOCK-----|(?:ssh|ecdsa)-/u,
  rule: "public keys: armored OpenPGP, ssh-ed25519 AAAA…, or lines of allowed_signers",
};

export function readRepository({ name, repository }: Header, document: Fields): DeclaredRepository {
  const spec = document.requiredMap("spec");
  const read = spec === undefined ? nothing : readSpec(spec);
  return { kind: "Repository", name, repository, ...read, at: document.at };
}

function readSpec(fields: Fields): Spec {
  const intervalMs = fields.duration("interval", { minMs: 1_000, maxMs: 86_400_000 });
  const url = readUrl(fields);
  const spec: Spec = {
    url,
    ref: fields.text("ref") ?? nothing.ref,
    version: readVersion(fields),
    path: readPath(fields),
    intervalSeconds: intervalMs === undefined ? nothing.intervalSeconds : intervalMs / 1000,
    credential: readCredential(fields, url),
    hostKeys: fields.texts("hostKeys"),
    signedBy: fields.texts("signedBy", publicKeys),
    declares: fields.flag("declares", nothing.declares),
  };
  fields.finish();
  return spec;
}

function readVersion(fields: Fields): string {
  const version = fields.text("version");
  if (version === undefined) return nothing.version;
  if (!isRange(version)) fields.wrong("version", "is no range of versions", rangeHint);
  if (fields.has("ref")) fields.wrong("version", "is one too many: ref says already what to read");
  return version;
}

/** What Git says may not lead to files of the hub's machine, nor hold what only the hub may know. */
function readUrl(spec: Fields): string {
  const url = spec.requiredText("url");
  if (url === "") return url;
  const remote = /^(?:https?|ssh):\/\/[^/]/iu.test(url) || /^(?:[^/\\:@]+@)?[^/\\:@]{2,}:(?!\/\/|:)/u.test(url);
  if (!remote)
    spec.wrong("url", "has to be an address over https, http or SSH", "write https://git.example.org/apps.git");
  if (/^[a-z]+:\/\/[^/@]*:[^/@]*@/iu.test(url)) {
    spec.wrong(
      "url",
      "holds a password, which everybody who reads this repository sees",
      "change that password, and leave it out",
    );
  }
  return url;
}

function readCredential(spec: Fields, url: string): string {
  const name = spec.text("credential", nameRule) ?? nothing.credential;
  if (name !== "" && url !== "" && !/^https?:/iu.test(url))
    spec.wrong("credential", "is for addresses over http(s)", "over SSH the hub has a deploy key of its own");
  return name;
}

function readPath(spec: Fields): string {
  const text = spec.text("path") ?? "";
  const path = joinPath("", text);
  if (path === undefined) spec.wrong("path", "leads out of the repository");
  return path ?? "";
}
