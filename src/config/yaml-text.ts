import { createRequire } from 'node:module';
import type { Document, LineCounter, Pair, YAMLMap } from 'yaml';

type Yaml = typeof import('yaml');

/** Something wrong with the text as YAML; quotes nothing of it. */
export interface YamlProblem {
  readonly line: number;
  readonly problem: string;
  readonly remedy: string;
}

/** What a text says, and where. */
export interface YamlContent {
  /** Mappings as objects, sequences as arrays. */
  readonly value: unknown;
  /** The line of the key at the path, else of the nearest mapping around it that has one. */
  lineOf(path: readonly PropertyKey[]): number;
}

export interface YamlText {
  readonly problems: readonly YamlProblem[];
  /** Null where the text cannot be understood for its problems. */
  readonly content: YamlContent | null;
}

/**
 * The settings need six. The parser descends with the nesting, and where the stack ends while it
 * compiles a pattern, Node ends with it: that cannot be caught.
 */
const MOST_LEVELS = 100;

const TOO_MUCH = {
  problem: 'the text is nested too deeply, or its aliases unfold to too much.',
  remedy: 'Write it out plainly.',
};

/** What objects take for something else than a key. */
const PROTOTYPE = '__proto__';

/**
 * Reads YAML 1.2, merge keys included. Of a text that does not parse the first problem is told, as
 * what follows a break of the syntax is mostly of its making.
 */
export function readYaml(text: string): YamlText {
  // Loaded when asked: most commands are given no file, and would wait for it at their start.
  const yaml = createRequire(import.meta.url)('yaml') as Yaml;
  const lines = new yaml.LineCounter();
  const deep = findDeepLine(yaml, text);
  if (deep !== null) return notUnderstood({ line: deep, ...TOO_MUCH });
  try {
    const document = yaml.parseDocument(text, {
      lineCounter: lines,
      merge: true,
      prettyErrors: false,
      // No warnings on standard error, which can quote the text.
      logLevel: 'error',
      // Ours takes time in proportion to the text, the parser's to its square.
      uniqueKeys: false,
    });
    const [error] = document.errors;
    if (error !== undefined) {
      return notUnderstood(syntaxProblem(error.code, lineAt(lines, error.pos[0])));
    }
    const keys = checkKeys(yaml, document, lines);
    const dangling = checkAliases(yaml, document, lines);
    const problems = [...keys, ...dangling];
    if (dangling.length > 0) return { problems, content: null };
    const value: unknown = document.toJS();
    return { problems, content: { value, lineOf: lineFinder(yaml, document, lines) } };
  } catch {
    // Aliases of aliases, or of what they are in.
    return notUnderstood({ line: 1, ...TOO_MUCH });
  }
}

/** The line on which the text is nested too deeply; null where there is none. */
function findDeepLine(yaml: Yaml, text: string): number | null {
  const lines = new yaml.LineCounter();
  lines.addNewLine(0);
  // This part of the parser keeps a stack of its own.
  const parser = new yaml.Parser(lines.addNewLine);
  for (const token of new yaml.Lexer().lex(text)) {
    Array.from(parser.next(token));
    if (parser.stack.length > MOST_LEVELS) return lineAt(lines, parser.offset);
  }
  return null;
}

function notUnderstood(problem: YamlProblem): YamlText {
  return { problems: [problem], content: null };
}

function syntaxProblem(code: string, line: number): YamlProblem {
  return code === 'MULTIPLE_DOCS'
    ? { line, problem: 'a second document begins.', remedy: 'Put everything into one.' }
    : {
        line,
        // The parser's own sentence can quote the text.
        problem: `the text is no YAML (${code}).`,
        remedy: 'Check indentation, colons and quotes there.',
      };
}

/**
 * Finds keys that are there twice, and those that YAML reads as something else than their text, as
 * 012345678901 is the number 12345678901. The latter are made their text, or left out where they
 * have none, so that the rest can be checked.
 */
function checkKeys(yaml: Yaml, document: Document.Parsed, lines: LineCounter): YamlProblem[] {
  const problems: YamlProblem[] = [];
  yaml.visit(document, {
    Map(_, map) {
      const seen = new Set<string>();
      map.items = map.items.filter(({ key }) => {
        const line = lineAt(lines, startOf(key));
        const name = keyName(yaml, key);
        if (name === null) {
          const problem = 'YAML reads the key as something else than its text.';
          problems.push({ line, problem, remedy: 'Quote or rename it.' });
          if (!yaml.isScalar(key) || key.source === undefined || key.source === PROTOTYPE) {
            return false;
          }
          key.value = key.source;
        } else if (seen.has(name)) {
          problems.push({ line, problem: 'the key is there twice.', remedy: 'Remove one.' });
        } else seen.add(name);
        return true;
      });
    },
  });
  return problems;
}

/** Aliases of what is not set before them. */
function checkAliases(yaml: Yaml, document: Document.Parsed, lines: LineCounter): YamlProblem[] {
  const problems: YamlProblem[] = [];
  const anchors = new Set<string>();
  yaml.visit(document, {
    Node(_, node) {
      if (!yaml.isAlias(node)) anchors.add(node.anchor ?? '');
      else if (!anchors.has(node.source)) {
        const problem = 'the alias has no anchor before it.';
        const remedy = 'Set the anchor with & above it.';
        problems.push({ line: lineAt(lines, startOf(node)), problem, remedy });
      }
    },
  });
  return problems;
}

/** A key as text; null where that is not what YAML reads. */
function keyName(yaml: Yaml, key: unknown): string | null {
  if (!yaml.isScalar(key) || key.value === PROTOTYPE) return null;
  if (typeof key.value === 'string') return key.value;
  const name = typeof key.value === 'symbol' ? '<<' : String(key.value);
  return name === '<<' || name === key.source ? name : null;
}

/** Finds lines by an index of each mapping, as there may be as many problems as keys. */
function lineFinder(
  yaml: Yaml,
  document: Document.Parsed,
  lines: LineCounter,
): YamlContent['lineOf'] {
  const indexes = new Map<YAMLMap, ReadonlyMap<PropertyKey | null, Pair>>();
  const pairsOf = (map: YAMLMap) => {
    const index =
      indexes.get(map) ?? new Map(map.items.map((pair) => [keyName(yaml, pair.key), pair]));
    indexes.set(map, index);
    return index;
  };
  return (path) => {
    let node: unknown = document.contents;
    let line = lineAt(lines, startOf(node));
    for (const name of path) {
      if (yaml.isAlias(node)) node = node.resolve(document);
      if (!yaml.isMap(node)) break;
      const pair = pairsOf(node).get(name);
      if (pair === undefined) break;
      line = lineAt(lines, startOf(pair.key));
      node = pair.value;
    }
    return line;
  };
}

function startOf(node: unknown): number {
  const { range } = (node ?? {}) as { range?: readonly number[] | null };
  return range?.[0] ?? 0;
}

/** Counts from 1. */
function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(lines.linePos(offset).line, 1);
}
