/** Follows a written path from a folder, as names from the root; undefined when it leads out of the repository. */
export function joinPath(folder: readonly string[], text: string): string | undefined {
  const parts = [...folder];
  for (const part of text.split("/")) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}
