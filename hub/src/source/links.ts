import { DroverError } from "@drover/shared/errors";

/** As many links as Linux follows in one path. */
const maxLinks = 40;
/** And as many characters as it takes for one. */
const maxPath = 4096;

/**
 * Follows symbolic links inside the repository, in any part of the path. `readLink` gives what the link at a path says,
 * undefined when there is no link. Throws `document_invalid` for a link out of the repository and for a circle.
 */
export async function followLinks(
  path: string,
  readLink: (path: string) => Promise<string | undefined>,
): Promise<string> {
  if (path.length > maxPath) throw tooLong(path);
  const done: string[] = [];
  const todo = path.split("/");
  let links = 0;
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (done.pop() === undefined) throw refuse(path, "leads out of the repository");
      continue;
    }
    done.push(part);
    const target = await readLink(done.join("/"));
    if (target === undefined) continue;
    links += 1;
    if (links > maxLinks) throw refuse(path, "leads in a circle");
    if (target.length > maxPath) throw tooLong(path);
    if (target.startsWith("/")) throw refuse(path, "leads out of the repository");
    done.pop();
    todo.unshift(...target.split("/"));
  }
  return done.join("/");
}

function tooLong(path: string): DroverError {
  return new DroverError("document_invalid", `a path has up to ${maxPath} characters`, {
    at: { file: path.slice(0, maxPath), line: 1, column: 1 },
  });
}

function refuse(path: string, why: string): DroverError {
  return new DroverError("document_invalid", `the symbolic link ${path} ${why}`, {
    at: { file: path, line: 1, column: 1 },
    hint: "links may only lead to files of the same repository",
  });
}
