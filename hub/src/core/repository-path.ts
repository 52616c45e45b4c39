/** Follows a written path from a folder. Both are from the root, "" is the root; undefined when it leads out of it. */
export function joinPath(folder: string, text: string): string | undefined {
  const parts: string[] = [];
  for (const part of [...folder.split("/"), ...text.split("/")]) {
    if (part === "" || part === ".") continue;
    if (part !== "..") parts.push(part);
    else if (parts.pop() === undefined) return undefined;
  }
  return parts.join("/");
}
