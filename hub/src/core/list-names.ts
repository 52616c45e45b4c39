/** `a, b, c and 4 more`: enough to know which are meant, whatever their number. */
export function listNames(names: readonly string[]): string {
  return names.length > 3 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
}
