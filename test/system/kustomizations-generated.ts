import { tree, below, changed, type KustomizationCase } from "./kustomization-case.ts";

export const generators: Readonly<Record<string, KustomizationCase>> = {
  "literals, with the hash in the name": {
    files: tree({ configMapGenerator: [{ name: "conf", literals: ["a=1", "b=x=y", "c='quoted text'", "d="] }] }),
    has: /"b":"x=y","c":"quoted text","d":"".*"name":"conf-[a-z0-9]{10}"/u,
  },
  "files by their names and by keys": {
    files: tree(
      { configMapGenerator: [{ name: "conf", files: ["conf/a.ini", "other=conf/b.ini"] }] },
      { "conf/a.ini": "[a]\nk = ü\n", "conf/b.ini": "" },
    ),
    has: /"a\.ini":"\[a\]\\nk = ü\\n","other":""/u,
  },
  "files of environments": {
    files: tree(
      { configMapGenerator: [{ name: "conf", envs: ["a.env", "b.env"] }] },
      { "a.env": "# comment\nA=1\n\nB=two words\n", "b.env": 'C="3"' },
    ),
    has: /"A":"1","B":"two words","C":"\\"3\\""/u,
  },
  "secrets with a type": {
    files: tree({
      secretGenerator: [{ name: "pass", type: "kubernetes.io/basic-auth", literals: ["username=u", "password=p"] }],
    }),
    has: /"password":"cA==".*"type":"kubernetes\.io\/basic-auth"/u,
  },
  "no hash, but labels and annotations, by the options of all": {
    files: tree({
      configMapGenerator: [{ name: "conf", literals: ["a=1"] }],
      secretGenerator: [{ name: "pass", literals: ["a=1"], options: { immutable: true, labels: { own: "yes" } } }],
      generatorOptions: { disableNameSuffixHash: true, labels: { all: "l" }, annotations: { all: "a" } },
    }),
    has: /"name":"conf".*"immutable":true.*"own":"yes"/su,
  },
  "the name with the hash in whatever refers to it": {
    files: changed({
      configMapGenerator: [{ name: "conf", literals: ["k=v"] }],
      secretGenerator: [{ name: "pass", literals: ["k=v"] }],
    }),
    has: /"configMapKeyRef":\{"key":"k","name":"conf-[a-z0-9]{10}"\}.*"secretRef":\{"name":"pass-[a-z0-9]{10}"\}/u,
  },
  "an overlay that merges into what the base generates": {
    files: {
      ...below("base", tree({ configMapGenerator: [{ name: "conf", literals: ["a=base", "b=base"] }] })),
      ...below(
        "over",
        tree({
          resources: ["../base"],
          configMapGenerator: [{ name: "conf", behavior: "merge", literals: ["b=over"] }],
        }),
      ),
    },
    path: "over",
    has: /"a":"base","b":"over"/u,
  },
  "an overlay that replaces what the base generates": {
    files: {
      ...below("base", tree({ configMapGenerator: [{ name: "conf", literals: ["a=base", "b=base"] }] })),
      ...below(
        "over",
        tree({
          resources: ["../base"],
          configMapGenerator: [{ name: "conf", behavior: "replace", literals: ["c=over"] }],
        }),
      ),
    },
    path: "over",
    has: /"data":\{"c":"over"\}/u,
    hasNot: /"base"/u,
  },
  "a generator in a file of its own": {
    files: tree(
      { generators: ["g.yaml"] },
      { "g.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: { name: conf }\nliterals: [a=1]\n" },
    ),
    has: /"data":\{"a":"1"\}/u,
  },
};
