/** Who may import whom: the plan's rules, each checked by a tool. Tests of a package count as the package. */
const core = "^(hub|agent)/src/core/";

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "hub-and-agent-never-meet", severity: "error", from: { path: "^hub/" }, to: { path: "^agent/" } },
    { name: "agent-and-hub-never-meet", severity: "error", from: { path: "^agent/" }, to: { path: "^hub/" } },
    {
      name: "shared-stands-below",
      severity: "error",
      from: { path: "^shared/" },
      to: { path: "^(hub|agent|deploy|test)/" },
    },
    {
      name: "proto-stands-lowest",
      severity: "error",
      from: { path: "^proto/" },
      to: { path: "^(shared|hub|agent|deploy|test)/" },
    },
    {
      name: "generated-types-stop-at-links",
      severity: "error",
      from: { pathNot: "^proto/|^(shared|hub|agent)/src/link/|^agent/src/enroll\\.ts$|^test/" },
      to: { path: "^proto/" },
    },
    {
      name: "clients-know-only-the-api",
      severity: "error",
      from: { path: "^hub/(cli|console)/" },
      to: {
        path: "^(hub/src/(?!offline/|core/(lint|schema)/)|agent/|deploy/|test/)|^shared/src/(?!api/|errors|state|problems|conditions|nearest|duration|unseen)",
      },
    },
    {
      name: "servers-know-no-client",
      severity: "error",
      from: { path: "^hub/src/" },
      to: { path: "^hub/(cli|console)/" },
    },
    {
      name: "core-is-pure",
      severity: "error",
      from: { path: core, pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["core", "npm"], pathNot: "^node_modules/.*/(yaml|semver)/" },
    },
    {
      name: "core-imports-only-core-and-shared",
      severity: "error",
      from: { path: "^(hub|agent)/src/core/", pathNot: "\\.test\\.ts$" },
      to: { path: "^$1/src/(?!core/)", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "shells-meet-only-as-types",
      severity: "error",
      from: { path: "^(hub|agent)/src/(source|store|link|kube|api|identity)/", pathNot: "\\.test\\.ts$" },
      to: {
        path: "^$1/src/(source|store|link|kube|api|identity)/",
        pathNot: "^$1/src/$2/",
        dependencyTypesNot: ["type-only"],
      },
    },
    {
      name: "shells-do-not-know-controllers",
      severity: "error",
      from: { path: "^(hub|agent)/src/(core|source|store|link|kube|api|identity)/" },
      to: { path: "^$1/src/controllers/", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "the-embedded-cluster-stands-alone",
      severity: "error",
      from: { path: "^test/cluster/", pathNot: "\\.test\\.ts$|/conformance/" },
      to: { path: "^(proto|shared|hub|agent|deploy|test/(?!cluster/))" },
    },
    {
      name: "product-does-not-know-tests",
      severity: "error",
      from: { path: "^(proto|shared|hub|agent)/" },
      to: { path: "^(test|deploy)/" },
    },
    { name: "nobody-imports-tests", severity: "error", from: {}, to: { path: "\\.test\\.ts$" } },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)node_modules/|^proto/src/gen/|^dist/" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "types"] },
  },
};
