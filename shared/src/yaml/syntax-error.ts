import type { ErrorCode, YAMLParseError } from "yaml";

/** A mistake in the words of who wrote it, not of the grammar. */
export interface Explanation {
  /** One sentence without a trailing dot. */
  readonly message: string;
  readonly hint: string;
}

/**
 * Says what is wrong where the parser met an error. The text at that place tells most, then the parser's words, which
 * tell apart what it has one code for; the code is enough for a sentence when neither is known.
 */
export function explainSyntaxError({ code, message, pos: [offset] }: YAMLParseError, text: string): Explanation {
  const feed = text.indexOf("\n", offset + 1);
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const line = text.slice(start, feed === -1 ? text.length : feed);
  return (
    byLine.find(([pattern]) => pattern.test(line))?.[1] ??
    byWords.find(([known, words]) => known === code && words.test(message))?.[2] ??
    byCode[code]
  );
}

const byLine: readonly (readonly [RegExp, Explanation])[] = [
  [
    /^(?:<{7}|={7}|>{7})(?: |\r?$)/u,
    {
      message: "a merge conflict is not resolved",
      hint: "keep what is right and remove the lines that begin with <<<<<<<, ======= and >>>>>>>",
    },
  ],
  [
    /^[^"'#]*\{\{/u,
    {
      message: "a template is no YAML before it is rendered",
      hint: "commit what it renders to, exclude the file, or quote a text that holds {{",
    },
  ],
];

const unclosed = "close it, and indent all of its lines further than its key";

const byWords: readonly (readonly [ErrorCode, RegExp, Explanation])[] = [
  [
    "BAD_INDENT",
    /end with a \]/u,
    { message: "the list that a [ opens is not closed before this place", hint: unclosed },
  ],
  [
    "BAD_INDENT",
    /end with a \}/u,
    { message: "the map that a { opens is not closed before this place", hint: unclosed },
  ],
  [
    "BAD_INDENT",
    /^Block scalar/u,
    {
      message: "the text after | or > is not indented far enough",
      hint: "indent every line of it as far as its first line, and further than its key",
    },
  ],
  [
    "BLOCK_AS_IMPLICIT_KEY",
    /block sequence/u,
    {
      message: "the items of this list begin in different columns",
      hint: "begin every - of a list in the same column",
    },
  ],
  ["MISSING_CHAR", /end with a \]/u, { message: "the list that a [ opens is not closed", hint: "add a ]" }],
  ["MISSING_CHAR", /end with a \}/u, { message: "the map that a { opens is not closed", hint: "add a }" }],
  [
    "MISSING_CHAR",
    /closing '/u,
    { message: "a text in single quotes is not closed", hint: "add the last ', and write '' for a ' within the text" },
  ],
  [
    "MISSING_CHAR",
    /closing "/u,
    {
      message: "a text in double quotes is not closed",
      hint: String.raw`add the last ", and write \" for a " within the text`,
    },
  ],
  [
    "MISSING_CHAR",
    /followed by map values/u,
    {
      message: "a key without a colon and a value",
      hint: "write key: value, with a space after the colon; indent the line if it goes on with the text above",
    },
  ],
  [
    "MISSING_CHAR",
    /^Missing , /u,
    { message: "two items without a comma between them", hint: "separate what is in [ ] or { } with commas" },
  ],
  ["MISSING_CHAR", /space after :/u, { message: "a colon without a space after it", hint: "add the space" }],
  ["MISSING_CHAR", /without - /u, { message: "an item of a list without its -", hint: "begin the line with -" }],
  [
    "MISSING_CHAR",
    /^Comments/u,
    { message: "a # without a space before it", hint: "add the space, or quote a text that holds #" },
  ],
  [
    "MISSING_CHAR",
    /^Tags and anchors/u,
    {
      message: "a tag (!name) or an anchor (&name) without a space after it",
      hint: "add the space, or quote the text",
    },
  ],
  [
    "MISSING_CHAR",
    /leading empty lines/u,
    {
      message: "the empty lines before this text are indented further than the text",
      hint: "remove the spaces from the empty lines",
    },
  ],
  [
    "MISSING_CHAR",
    /^Missing newline/u,
    {
      message: "a tag or an anchor in the line where its list or map begins",
      hint: "begin the list or map in the next line",
    },
  ],
  [
    "MISSING_CHAR",
    /start on same line/u,
    { message: "a list or a map begins in the line of ---", hint: "begin it in the next line" },
  ],
  ["MISSING_CHAR", /directives-end/u, { message: "a line with % without --- after it", hint: "add a line with ---" }],
  [
    "UNEXPECTED_TOKEN",
    /on same line with key/u,
    { message: "a list begins in the line of its key", hint: "begin it in the next line, or write it as [a, b]" },
  ],
  [
    "UNEXPECTED_TOKEN",
    /^Unexpected (?:, |empty item)/u,
    { message: "a comma where an item is expected", hint: "remove it, or add the item" },
  ],
  [
    "UNEXPECTED_TOKEN",
    /^(?:Block scalar header|Not a YAML token)/u,
    { message: "text in the line of | or >", hint: "begin the text in the next line, indented; or quote all of it" },
  ],
  [
    "UNEXPECTED_TOKEN",
    /(?:flow-seq-end|flow-map-end) token/u,
    { message: "a ] or } that closes nothing", hint: "remove it, or add what opens it" },
  ],
  [
    "UNEXPECTED_TOKEN",
    /at node end/u,
    {
      message: "this follows a value that has ended",
      hint: "quote a value as a whole; begin a key in a line of its own, in the column of the keys beside it",
    },
  ],
];

const wholeText = "quote the whole text";
const unreadable: Explanation = {
  message: "this cannot be read as YAML",
  hint: "check the lines before it for a quote, a bracket or a colon that is missing",
};

const byCode: Readonly<Record<ErrorCode, Explanation>> = {
  ALIAS_PROPS: {
    message: "an alias (*name) with a tag or an anchor of its own",
    hint: "remove what stands before the *, or quote a text that begins with & or !",
  },
  BAD_ALIAS: {
    message: "an anchor (&) or an alias (*) without a name",
    hint: "add the name, or quote a text that begins with & or *",
  },
  BAD_COLLECTION_TYPE: { message: "a tag (!name) that does not fit what follows it", hint: "remove the tag" },
  BAD_DIRECTIVE: {
    message: "a line that begins with % and that YAML does not know",
    hint: "remove it, or quote a text that begins with %",
  },
  BAD_DQ_ESCAPE: {
    message: String.raw`a \ in double quotes that begins nothing YAML knows`,
    hint: String.raw`write \\ for a \, or put the text in single quotes`,
  },
  BAD_INDENT: {
    message: "this line is indented unlike those it belongs to",
    hint: "begin all keys of a map, and every - of a list, in the same column",
  },
  BAD_PROP_ORDER: {
    message: "a tag (!name) or an anchor (&name) before the sign that it has to follow",
    hint: "write it after the -, ? or :",
  },
  BAD_SCALAR_START: { message: "a text cannot begin with this character", hint: wholeText },
  BLOCK_AS_IMPLICIT_KEY: {
    message: "a second key with its colon within a value",
    hint: "quote the value if the colon is text; begin a map in a line of its own",
  },
  BLOCK_IN_FLOW: {
    message: "within [ ] or { } stands what has to be written in lines of its own",
    hint: "separate what is in [ ] or { } with commas, and quote texts that hold : or begin with -",
  },
  DUPLICATE_KEY: { message: "a key that was written before", hint: "remove one of the two" },
  IMPOSSIBLE: unreadable,
  KEY_OVER_1024_CHARS: {
    message: "a key of more than 1,024 characters",
    hint: "if it is meant as text, quote it or write it after |",
  },
  MISSING_CHAR: {
    message: "something is missing here",
    hint: "check this line and the one before for a quote, a comma, a colon or a bracket that is missing",
  },
  MULTILINE_IMPLICIT_KEY: {
    message: "what stands here is no key that fits in one line",
    hint: "write key: value, with a space after the colon; begin every - of a list in the same column",
  },
  MULTIPLE_ANCHORS: { message: "a second anchor (&name) for the same value", hint: "remove one of the two" },
  MULTIPLE_DOCS: { message: "a second document where one is expected", hint: "remove the line with ---" },
  MULTIPLE_TAGS: { message: "a second tag (!name) for the same value", hint: "remove one of the two" },
  NON_STRING_KEY: { message: "a key that is not text", hint: "quote it" },
  RESOURCE_EXHAUSTION: { message: "maps and lists are nested too deeply here", hint: "make the structure flatter" },
  TAB_AS_INDENT: { message: "a tab as indentation", hint: "indent with spaces" },
  TAG_RESOLVE_FAILED: {
    message: "a tag (!name) that means nothing here",
    hint: "remove it, or quote a text that begins with !",
  },
  UNEXPECTED_TOKEN: unreadable,
};
