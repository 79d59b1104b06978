import { formatPublicKey, type PublicKey, parsePublicKey } from './public-key.ts';
import { FormatError } from './ssh-wire.ts';
import { NAMESPACE, RECEIPT_NAMESPACE } from './sshsig.ts';

/** A key that may sign manifests, from a file of OpenSSH's allowed signers. */
interface AllowedSigner {
  readonly principals: string;
  readonly blob: Buffer;
  /** Null: no start. */
  readonly validAfter: Date | null;
  /** Null: no end. */
  readonly validBefore: Date | null;
}

/** The name of the signer in lines that the program prints: `-I` of ssh-keygen. */
const PRINCIPAL = 'cognito-mirror';

/** The line of a key for a file of allowed signers, without its line break. */
export function formatSignerLine(publicKey: PublicKey): string {
  const namespaces = [NAMESPACE, RECEIPT_NAMESPACE].join(',');
  return `${PRINCIPAL} namespaces="${namespaces}" ${formatPublicKey(publicKey)}`;
}

/** Whether a key was allowed to sign at a time. */
export type Permission =
  | { readonly allowed: true; readonly principals: string }
  | {
      readonly allowed: false;
      readonly code: 'unknown-key' | 'expired-key';
      readonly reason: string;
    };

/** The keys that may sign manifests. */
export interface AllowedSigners {
  /** Both ends of a period of validity are included, as in `ssh-keygen -Y verify`. */
  check(key: PublicKey, at: Date): Permission;
}

/** A line of the file is wrong. The message is a sentence without the file's name. */
export class AllowedSignersError extends Error {}

/**
 * Parses a file of allowed signers ("ALLOWED SIGNERS" in ssh-keygen's manual): principals, options,
 * key. Lines for other namespaces and keys of certificate authorities do not count.
 *
 * @throws AllowedSignersError for a malformed line, or if no line has a key for manifests.
 */
export function parseAllowedSigners(text: string): AllowedSigners {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const signers = lines.flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return [];
    try {
      return parseLine(line);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      throw new AllowedSignersError(`line ${index + 1}: ${error.message}.`);
    }
  });
  if (signers.length === 0) {
    throw new AllowedSignersError(`no line has an Ed25519 or P-256 key for ${NAMESPACE}.`);
  }
  return {
    check(key, at) {
      const own = signers.filter(({ blob }) => blob.equals(key.blob));
      const valid = own.find((signer) => isValid(signer, at));
      if (valid) return { allowed: true, principals: valid.principals };
      if (own.length === 0) {
        return { allowed: false, code: 'unknown-key', reason: 'the signers do not have this key' };
      }
      const periods = own.map(formatPeriod).join(' and ');
      return { allowed: false, code: 'expired-key', reason: `the key is valid ${periods}` };
    },
  };
}

function isValid({ validAfter, validBefore }: AllowedSigner, at: Date): boolean {
  return (validAfter === null || at >= validAfter) && (validBefore === null || at <= validBefore);
}

function formatPeriod({ validAfter, validBefore }: AllowedSigner): string {
  const from = validAfter === null ? [] : [`from ${validAfter.toISOString()}`];
  const to = validBefore === null ? [] : [`until ${validBefore.toISOString()}`];
  return [...from, ...to].join(' ');
}

/** A word, in which double quotes may hold spaces. */
const WORD = /^((?:[^\s"]|"[^"]*")+)\s+/;
const KEY = /^([\w@.-]+)\s+([A-Za-z0-9+/]+={0,2})(?=\s|$)/;

function parseLine(line: string): AllowedSigner[] {
  const [start = '', principals] = WORD.exec(line) ?? [];
  if (principals === undefined) throw new FormatError('it has no key');
  const rest = line.slice(start.length);
  // A key is a type and base64, which no option looks like.
  const [optionText = ''] = KEY.test(rest) && isKey(rest) ? [''] : (WORD.exec(rest) ?? []);
  const [, type, base64] = KEY.exec(rest.slice(optionText.length)) ?? [];
  if (type === undefined || base64 === undefined) throw new FormatError('it has no key');
  const options = parseOptions(optionText.trim());
  const isOurs = matchesPatterns(options.get('namespaces') ?? '*', NAMESPACE);
  if (!isOurs || options.has('cert-authority') || !isKnownType(type)) return [];
  const publicKey = parsePublicKey(Buffer.from(base64, 'base64'));
  if (publicKey.type !== type) throw new FormatError('its key is not of the named type');
  const { blob } = publicKey;
  const [validAfter, validBefore] = ['valid-after', 'valid-before'].map((name) =>
    parseTime(name, options.get(name)),
  );
  return [
    {
      principals: principals.replaceAll('"', ''),
      blob,
      validAfter: validAfter ?? null,
      validBefore: validBefore ?? null,
    },
  ];
}

/** True if the text starts with a public key: the base64 repeats the type. */
function isKey(text: string): boolean {
  const [, type = '', base64 = ''] = KEY.exec(text) ?? [];
  const bytes = Buffer.from(base64, 'base64');
  return bytes.subarray(4, 4 + type.length).toString('latin1') === type;
}

function isKnownType(type: string): boolean {
  return type === 'ssh-ed25519' || type === 'ecdsa-sha2-nistp256';
}

/** The names of options are not case-sensitive, and each may appear once. */
function parseOptions(text: string): Map<string, string> {
  const options = new Map<string, string>();
  if (text === '') return options;
  for (const option of text.match(/(?:[^,"]|"[^"]*")+/g) ?? []) {
    const [, name = '', value = ''] = /^([\w-]+)(?:="([^"]*)")?$/.exec(option) ?? [];
    const known = name.toLowerCase();
    if (!['cert-authority', 'namespaces', 'valid-after', 'valid-before'].includes(known)) {
      throw new FormatError(`the option ${name === '' ? option : name} is unknown`);
    }
    if (options.has(known)) throw new FormatError(`the option ${known} appears twice`);
    options.set(known, value);
  }
  return options;
}

/** Matches a list of patterns with `*` and `?`; one that starts with `!` excludes what it matches. */
function matchesPatterns(list: string, text: string): boolean {
  const matches = (pattern: string) => {
    const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, '\\$&');
    return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
  };
  const patterns = list.split(',');
  const excluded = patterns.filter((each) => each.startsWith('!')).map((each) => each.slice(1));
  return !excluded.some(matches) && patterns.some(matches);
}

/** `YYYYMMDD` or `YYYYMMDDHHMM[SS]`, in UTC with `Z` at the end, else in the zone of this machine. */
function parseTime(name: string, text: string | undefined): Date | null {
  if (text === undefined) return null;
  const [, year, month, day, hour = '00', minute = '00', second = '00', zone] =
    /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/.exec(text) ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  if (!Number.isNaN(time.getTime())) return time;
  throw new FormatError(`${name} must be a time such as 20261120 or 20261120020000Z`);
}
