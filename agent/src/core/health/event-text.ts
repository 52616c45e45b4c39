/**
 * What events and conditions of Kubernetes' own components say, in words that hold no value: their texts may quote what
 * a probe printed, the options of a mount, or the whole object that a webhook refused. Only known parts pass.
 */

/** `Readiness probe failed: HTTP probe failed with statuscode: 500`. */
export function unhealthy(text: string): string {
  const which = /^(?<which>Readiness|Liveness|Startup) probe/u.exec(text)?.groups?.["which"] ?? "";
  const probe = which === "" ? "a probe" : `its ${which.toLowerCase()} probe`;
  const status = /HTTP probe failed with statuscode: (?<status>\d{3})/u.exec(text)?.groups?.["status"];
  if (status !== undefined) return `${probe} fails: HTTP status ${status}`;
  const known = probeFaults.find(({ pattern }) => pattern.test(text));
  return `${probe} fails${known === undefined ? "" : `: ${known.words}`}`;
}

const probeFaults = [
  { pattern: /connection refused/u, words: "connection refused" },
  { pattern: /no route to host/u, words: "no route to host" },
  { pattern: /deadline exceeded|timed? ?out|Client\.Timeout/u, words: "no answer in time" },
  { pattern: /certificate|tls:/u, words: "TLS handshake failed" },
  { pattern: /connection reset/u, words: "connection reset" },
];

/** `MountVolume.SetUp failed for volume "config" : configmap "web" not found`. */
export function unmounted(text: string): string {
  const volume = /for volume "(?<name>[\w.-]{1,253})"/u.exec(text)?.groups?.["name"];
  const missing = /\b(?<kind>configmap|secret|persistentvolumeclaim) "(?<name>[\w./-]{1,253})" not found/iu.exec(text);
  const key = /references non-existent (?<kind>secret|config) key: (?<key>[\w.-]{1,253})/u.exec(text);
  const what = volume === undefined ? "a volume cannot be mounted" : `volume ${volume} cannot be mounted`;
  if (missing !== null) return `${what}: ${missing.groups?.["kind"]} ${missing.groups?.["name"]} does not exist`;
  if (key !== null) return `${what}: it names the key ${key.groups?.["key"]}, which does not exist`;
  if (/Multi-Attach error/u.test(text)) return `${what}: it is attached to another node`;
  if (/unmounted volumes=|timed out waiting/u.test(text)) return `${what}: it was not there in time`;
  return what;
}

/** Why the API server takes no pod of a workload: `Error creating: pods "web-1" is forbidden: exceeded quota: small, …`. */
export function refusedPods(text: string): string {
  const quota =
    /exceeded quota: [\w.-]{1,253}(?:, (?:requested|used|limited): [\w./=-]{1,100}(?:,[\w./=-]{1,100})*)*/u.exec(
      text,
    )?.[0];
  if (quota !== undefined) return `its pods cannot be created: ${quota}`;
  const named = refusals.flatMap(({ pattern, words }) => {
    const name = pattern.exec(text)?.groups?.["name"];
    return name === undefined ? [] : [`its pods cannot be created: ${words(name)}`];
  });
  return named[0] ?? "its pods cannot be created: the API server refuses them";
}

const refusals = [
  {
    pattern: /admission webhook "(?<name>[\w.-]{1,253})" denied/u,
    words: (name: string) => `the admission webhook ${name} denies them`,
  },
  {
    pattern: /violates PodSecurity "(?<name>[\w.:-]{1,253})"/u,
    words: (name: string) => `they violate the pod security standard ${name}`,
  },
  {
    pattern: /service ?account (?:[\w.-]+\/)?"?(?<name>[\w.-]{1,253})"?(?::.*)? (?:was )?not found/u,
    words: (name: string) => `the service account ${name} does not exist`,
  },
  {
    pattern: /(?<name>maximum|minimum) (?:cpu|memory|ephemeral-storage)/u,
    words: (name: string) => `they are outside the ${name} of a limit range`,
  },
  {
    pattern: /must specify (?<name>[\w.,-]{1,253})/u,
    words: (name: string) => `a quota asks them to specify ${name}`,
  },
];
