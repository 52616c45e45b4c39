import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Every real program that a suite may ask for. */
export type ProgramName =
  | "docker-registry"
  | "etcd"
  | "git"
  | "gpg"
  | "gpg-agent"
  | "gpgconf"
  | "helm"
  | "kube-apiserver"
  | "kube-controller-manager"
  | "kube-scheduler"
  | "kubectl"
  | "kubemark"
  | "nats-server"
  | "ssh-keygen"
  | "sshd";

/** What a control plane needs that runs workloads. */
export const workloadPrograms: readonly ProgramName[] = [
  "kube-apiserver",
  "etcd",
  "kube-controller-manager",
  "kube-scheduler",
  "kubemark",
];

/** Folders of the rig's cache, as `install.sh` fills them. */
const cacheFolder: Readonly<Record<ProgramName, string | undefined>> = {
  "docker-registry": "registry-bookworm/usr/bin",
  etcd: "servers-bookworm/usr/bin",
  git: undefined,
  gpg: "signing-bookworm",
  "gpg-agent": "signing-bookworm",
  gpgconf: "signing-bookworm",
  helm: "tools-v35",
  "kube-apiserver": "kube-1.20.2",
  "kube-controller-manager": "kube-1.20.2",
  "kube-scheduler": "kube-1.20.2",
  kubectl: "tools-v35",
  kubemark: "kube-1.20.2",
  "nats-server": "servers-bookworm/usr/sbin",
  "ssh-keygen": "signing-bookworm",
  sshd: "sshd-bookworm",
};

/** envtest's folder holds these three; everything else it has no place for. */
const inKubebuilderAssets: readonly ProgramName[] = ["etcd", "kube-apiserver", "kubectl"];

/** A PATH lookup would find whatever server a machine happens to run; only tools are taken from there. */
const onPath: readonly ProgramName[] = [
  "git",
  "gpg",
  "gpg-agent",
  "gpgconf",
  "helm",
  "kubectl",
  "nats-server",
  "ssh-keygen",
];

/** What signs commits and tags. */
export const signingPrograms: readonly ProgramName[] = ["git", "gpg", "gpg-agent", "gpgconf", "ssh-keygen"];

/** Where the program is: the rig's cache first, then KUBEBUILDER_ASSETS, then PATH. */
export function findProgram(name: ProgramName, environment: NodeJS.ProcessEnv = process.env): string | undefined {
  return candidates(name, environment).find(isExecutable);
}

/** The program's path; throws the reason of `missing` when it is nowhere. */
export function program(name: ProgramName): string {
  const path = findProgram(name);
  if (path === undefined) throw new Error(missing([name]));
  return path;
}

/** Undefined when all programs are here, else one sentence with the command that provides them. */
export function missing(
  names: readonly ProgramName[],
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const absent = names.filter((name) => findProgram(name, environment) === undefined);
  if (absent.length === 0) return undefined;
  const remedy = absent.every((name) => name === "git") ? "install git" : "run `npm run rig`";
  return `${absent.join(", ")} missing: ${remedy} (alternatives: test/rig/README.md)`;
}

function candidates(name: ProgramName, environment: NodeJS.ProcessEnv): readonly string[] {
  const found: string[] = [];
  const folder = cacheFolder[name];
  if (folder !== undefined) found.push(join(rigCache(environment), folder, name));
  const assets = environment["KUBEBUILDER_ASSETS"];
  if (assets !== undefined && assets !== "" && inKubebuilderAssets.includes(name)) found.push(join(assets, name));
  if (onPath.includes(name)) {
    const path = environment["PATH"] ?? "";
    found.push(...path.split(delimiter).flatMap((folder) => (folder === "" ? [] : [join(folder, name)])));
  }
  return found;
}

function rigCache(environment: NodeJS.ProcessEnv): string {
  const own = environment["DROVER_RIG_CACHE"];
  if (own !== undefined && own !== "") return own;
  const xdg = environment["XDG_CACHE_HOME"];
  return join(xdg === undefined || xdg === "" ? join(homedir(), ".cache") : xdg, "drover");
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
