/** The name of a source that was given none: the last part of its address, as a DNS label. */
export function nameFromUrl(url: string): string {
  const last = url
    .replace(/[/\\]+$/u, "")
    .replace(/\.git$/u, "")
    .split(/[/\\:]/u)
    .at(-1);
  const name = (last ?? "")
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/gu, "-")
    .slice(0, 63)
    .replaceAll(/^-+|-+$/gu, "");
  return name === "" ? "source" : name;
}
