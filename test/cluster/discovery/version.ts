/** `/version`, from a version such as `v1.35.0`. */
export function versionDocument(gitVersion: string): unknown {
  const [, major = "1", minor = "35"] = /^v(\d+)\.(\d+)/u.exec(gitVersion) ?? [];
  return {
    major,
    minor,
    gitVersion,
    gitCommit: "0000000000000000000000000000000000000000",
    gitTreeState: "clean",
    buildDate: "2026-01-01T00:00:00Z",
    goVersion: "none",
    compiler: "node",
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
