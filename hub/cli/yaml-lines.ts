/** A line of YAML; `pointer` is the JSON pointer of the scalar, or empty list or map, that is written there. */
export interface YamlLine {
  readonly text: string;
  readonly pointer?: string;
}

/** The YAML of a value line by line. */
export async function yamlLines(value: unknown): Promise<readonly YamlLine[]> {
  const { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, stringify } = await import("yaml");
  const text = stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
  const counter = new LineCounter();
  const pointers = new Map<number, string>();
  const walk = (node: unknown, pointer: string): void => {
    if (isMap(node) && node.items.length > 0) {
      for (const { key, value: inner } of node.items)
        walk(inner, `${pointer}/${escape(isScalar(key) ? key.value : key)}`);
    } else if (isSeq(node) && node.items.length > 0) {
      for (const [index, item] of node.items.entries()) walk(item, `${pointer}/${index}`);
    } else if (isNode(node) && node.range) {
      const [start, end] = node.range;
      const last = counter.linePos(Math.max(start, end - 1)).line;
      for (let { line } = counter.linePos(start); line <= last; line += 1) pointers.set(line, pointer);
    }
  };
  walk(parseDocument(text, { lineCounter: counter }).contents, "");
  const lines = text.replace(/\n$/u, "").split("\n");
  return lines.map((line, index) => {
    const pointer = pointers.get(index + 1);
    return pointer === undefined ? { text: line } : { text: line, pointer };
  });
}

function escape(key: unknown): string {
  return String(key).replaceAll("~", "~0").replaceAll("/", "~1");
}
