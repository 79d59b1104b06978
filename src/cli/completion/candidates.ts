import type { Argument, Command, Option } from 'commander';
import { completeWords, loadOptions } from '../../index.ts';

/** A word that completes the command line, with what a shell may show about it. */
export interface Candidate {
  readonly word: string;
  readonly text: string;
}

/** Looking into the database ends after this time. In milliseconds. */
const LOOK_MS = 300;

/** Words of arguments and options that have no choices of their own. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  'list what': ['users', 'groups', 'members'],
  'diff from': ['latest', 'previous', 'held', 'now'],
  'diff to': ['latest', 'previous', 'held', 'now'],
  'access --at': ['latest', 'previous'],
};

/** What the database completes: by the argument's name, or by command and option. */
const FROM_DATABASE: Readonly<Record<string, 'pools' | 'snapshots' | 'groups' | 'pool/snapshot'>> =
  {
    pool: 'pools',
    'pool/snapshot': 'pool/snapshot',
    group: 'groups',
    from: 'snapshots',
    to: 'snapshots',
    'restore --from': 'pool/snapshot',
    'restore --to': 'pools',
    'restore --group': 'groups',
    'diff --group': 'groups',
    'access --at': 'snapshots',
  };

/**
 * What can follow on a command line.
 *
 * @param words the words behind the program's name; the last is the one to complete, and may be empty
 */
export async function findCandidates(
  program: Command,
  words: readonly string[],
): Promise<Candidate[]> {
  const current = words.at(-1) ?? '';
  let command = program;
  const values: string[] = [];
  let pending: Option | undefined;
  /** `restore` takes its pool by this option. */
  let source: string | undefined;
  for (const word of words.slice(0, -1)) {
    if (pending !== undefined) {
      if (pending.long === '--from') source = word;
      pending = undefined;
    } else if (word.startsWith('-')) {
      const option = findOption(command, word);
      if (option !== undefined && takesValue(option) && !word.includes('=')) pending = option;
    } else {
      const inner = values.length === 0 ? findCommand(command, word) : undefined;
      if (inner !== undefined) command = inner;
      else values.push(word);
    }
  }
  const name = nameOf(command, program);
  const pool = values.find((value) => value.includes('_')) ?? source;
  if (pending !== undefined) {
    const key = `${name} ${pending.long}`;
    const choices = pending.argChoices ?? WORDS[key] ?? [];
    return [...toCandidates(choices), ...(await lookUp(FROM_DATABASE[key], current, pool))];
  }
  if (current.startsWith('-')) return optionsOf(command);
  if (command.commands.length > 0) {
    const known = command.commands.map((each) => ({ word: each.name(), text: each.description() }));
    return command === program
      ? [...known, { word: 'help', text: 'show the help of a command' }]
      : known;
  }
  const argument = argumentAt(command, values.length);
  if (argument === undefined) return [];
  const choices = argument.argChoices ?? WORDS[`${name} ${argument.name()}`] ?? [];
  const kind = FROM_DATABASE[argument.name()];
  return [...toCandidates(choices), ...(await lookUp(kind, current, pool))];
}

function toCandidates(words: readonly string[]): Candidate[] {
  return words.map((word) => ({ word, text: '' }));
}

function findCommand(command: Command, name: string): Command | undefined {
  return command.commands.find((each) => each.name() === name);
}

function findOption(command: Command, word: string): Option | undefined {
  const [flag] = word.split('=');
  return command.options.find(({ long, short }) => long === flag || short === flag);
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

function optionsOf(command: Command): Candidate[] {
  const known = command.options.filter(({ hidden }) => !hidden);
  return [
    ...known.map(({ long, short, description }) => ({
      word: long ?? short ?? '',
      text: description,
    })),
    { word: '--help', text: 'show the help of this command' },
  ];
}

/** The last argument may repeat. */
function argumentAt({ registeredArguments: all }: Command, index: number): Argument | undefined {
  const last = all.at(-1);
  return all[index] ?? (last?.variadic ? last : undefined);
}

function nameOf(command: Command, program: Command): string {
  const { parent } = command;
  return parent === null || parent === program || command === program
    ? command.name()
    : `${nameOf(parent, program)} ${command.name()}`;
}

async function lookUp(
  kind: (typeof FROM_DATABASE)[string] | undefined,
  current: string,
  pool: string | undefined,
): Promise<readonly Candidate[]> {
  if (kind === undefined) return [];
  const options = await loadOptions(process.env).catch(() => null);
  if (options === null) return [];
  const signal = AbortSignal.timeout(LOOK_MS);
  if (kind === 'pools') return completeWords({ kind, signal }, options);
  if (kind !== 'pool/snapshot') {
    const poolId = pool?.split('/')[0];
    return poolId === undefined ? [] : completeWords({ kind, poolId, signal }, options);
  }
  const [poolId = '', ...point] = current.split('/');
  if (point.length === 0) {
    const pools = await completeWords({ kind: 'pools', signal }, options);
    return pools.map(({ word, text }) => ({ word: `${word}/`, text }));
  }
  const snapshots = await completeWords({ kind: 'snapshots', poolId, signal }, options);
  return snapshots.map(({ word, text }) => ({ word: `${poolId}/${word}`, text }));
}
