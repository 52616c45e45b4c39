import type { Decoded, Path, YamlDocument } from "@drover/shared/decode";
import type { Position } from "@drover/shared/errors";

/** Reads a file of a repository as it was when its declarations were read. Throws when there is no such file any more. */
export type ReadFile = (repository: string, file: string) => Promise<Decoded>;

/** A document of Drover's own. */
interface Declared {
  readonly repository: string;
  readonly at: Position;
}

/** Where in its document a part of a declaration is written. */
export type PlaceOf = (declaration: Declared, path: Path) => Position;

/** What a declaration keeps is where it begins: everything inside it is looked up in its file, once it is asked for. */
export async function findPlaces(read: ReadFile, declarations: readonly Declared[]): Promise<PlaceOf> {
  const documents = new Map<Declared, YamlDocument>();
  for (const declaration of declarations) {
    const { repository, at } = declaration;
    const decoded = await read(repository, at.file).catch(() => undefined);
    const document = decoded?.documents.find((one) => one.at.line === at.line && one.at.column === at.column);
    if (document !== undefined) documents.set(declaration, document);
  }
  return (declaration, path) => documents.get(declaration)?.positionOf(path) ?? declaration.at;
}
