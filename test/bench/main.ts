/** `npm run bench [name] [-- --option value]`: benchmarks by name, each in a file of its own. */
const benches = {
  loop: async (args: readonly string[]) => (await import("./loop.ts")).run(args),
  commit: async (args: readonly string[]) => (await import("./commit.ts")).run(args),
  fleet: async (args: readonly string[]) => (await import("./fleet.ts")).run(args),
  agent: async (args: readonly string[]) => (await import("./agent.ts")).run(args),
  render: async () => (await import("./render.ts")).run(),
  large: async (args: readonly string[]) => (await import("./large.ts")).run(args),
  footprint: async () => (await import("./footprint.ts")).run(),
};

const [name, ...args] = process.argv.slice(2);
const chosen = Object.entries(benches).filter(([bench]) => name === undefined || name === bench);
if (chosen.length === 0) {
  console.error(`there is no bench ${name}; there are ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}
let ok = true;
for (const [bench, run] of chosen) {
  console.log(`\n== ${bench}`);
  ok = (await run(args)) && ok;
}
process.exit(ok ? 0 : 1);
