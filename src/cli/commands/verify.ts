import { Command, Option } from 'commander';
import { counted, formatCount } from '../../common/text.ts';
import { parseTime } from '../../common/time.ts';
import {
  ActionRequiredError,
  loadOptions,
  type PoolVerification,
  type Problem,
  parseSnapshotId,
  type Verification,
  type VerifyProgress,
  type VerifyRequest,
  verifyArchives,
} from '../../index.ts';
import { includeWholeDay } from '../arguments.ts';
import type { LiveRegion } from '../display/live-region.ts';
import { EXIT, ExitError, toExitCode } from '../errors.ts';
import { outputWidth, writeJson, writeOut } from '../output.ts';
import { withSignals } from '../signals.ts';

interface VerifyOptions {
  readonly archive?: string;
  readonly signers?: string;
  readonly from?: string;
  readonly to?: string;
  readonly structure?: boolean;
  readonly subset?: string;
  readonly head?: string;
  readonly json?: boolean;
}

/** `verify`: checks archives, with nothing but the right to read them. */
export function verifyCommand(): Command {
  return new Command('verify')
    .description('check an archive, or a copy of it: every object, the chain and the signatures')
    .argument('[pool...]', 'ids, ARNs or names of pools; without any, all of the archive')
    .option('--archive <url>', 's3://bucket/prefix or file:///folder (default: ARCHIVE_URL)')
    .option(
      '--signers <file>',
      "the keys that may sign: a file of OpenSSH's allowed signers (default: ARCHIVE_SIGNERS)",
    )
    .option('--from <time>', 'the first snapshot: such as 2026-11-20, or the id of a snapshot')
    .option('--to <time>', 'the last snapshot; a date includes its whole day')
    .addOption(
      new Option(
        '--structure',
        'read no object: compare sizes and what the server knows',
      ).conflicts('subset'),
    )
    .option('--subset <n/m>', 'read one of M parts of the objects, such as 3/7; M runs read all')
    .option('--head <sha256>', 'a hash that was kept: the archive must still have this manifest')
    .option('--json', 'print one JSON document: {"pools":[…],"outside":[…]}')
    .action((pools: string[], options: VerifyOptions) =>
      withSignals((signal) => runVerify(pools, options, signal)),
    );
}

async function runVerify(
  pools: readonly string[],
  options: VerifyOptions,
  signal: AbortSignal,
): Promise<void> {
  const request = toRequest(pools, options);
  const isLive = process.stderr.isTTY && process.env.TERM !== 'dumb';
  const region = isLive ? await openRegion() : null;
  const onProgress = ({ poolId, done, total }: VerifyProgress) =>
    region?.draw([`${poolId}: checked ${formatCount(done)} of ${counted(total, 'object')}`]);
  let verified: Verification;
  try {
    verified = await verifyArchives(
      { ...request, onProgress, signal },
      await loadOptions(process.env),
    );
  } catch (error) {
    // 1 says that something is wrong with the archive, and this that it is unknown.
    throw toExitCode(error) === EXIT.failed ? new ExitError(error, EXIT.usage) : error;
  } finally {
    region?.draw([]);
    region?.close();
  }
  const isValid = [...verified.pools, ...verified.outside].every(
    ({ findings }) => findings.length === 0,
  );
  // Before the output, whose reader may close it early.
  process.exitCode = isValid ? EXIT.done : EXIT.failed;
  if (options.json) {
    await writeJson({ pools: verified.pools.map(toJson), outside: verified.outside });
  } else {
    const { formatVerification } = await import('../display/verification-text.ts');
    await writeOut(formatVerification(verified, outputWidth()));
  }
}

async function openRegion(): Promise<LiveRegion> {
  const { LiveRegion } = await import('../display/live-region.ts');
  return new LiveRegion(process.stderr);
}

function toJson(pool: PoolVerification): object {
  const { poolId, snapshots, removedSnapshots, objects, bytes, head, findings } = pool;
  return { poolId, snapshots, removedSnapshots, objects, bytes, head, findings };
}

/** @throws ActionRequiredError with everything that is wrong with the command line */
function toRequest(
  pools: readonly string[],
  { archive, signers, from, to, structure, subset, head }: VerifyOptions,
): VerifyRequest {
  const problems: Problem[] = [];
  const read = <T>(name: string, text: string | undefined, parse: (text: string) => T | string) => {
    const value = text === undefined ? undefined : parse(text);
    if (typeof value !== 'string') return value;
    const remedy = REMEDIES[name] ?? '';
    problems.push({ subject: `--${name}`, problem: `"${text}" ${value}`, remedy });
    return undefined;
  };
  const request = {
    pools,
    archive,
    signers,
    from: read('from', from, parseMoment),
    to: read('to', to, parseEnd),
    content: structure ? ('structure' as const) : read('subset', subset, parseSubset),
    head: read('head', head, parseHead)?.sha256,
  };
  if (problems.length > 0) throw new ActionRequiredError(problems);
  return Object.fromEntries(
    Object.entries(request).filter(([, value]) => value !== undefined),
  ) as VerifyRequest;
}

const REMEDIES: Readonly<Record<string, string>> = {
  from: 'Give a date such as 2026-11-20, a time such as 2026-11-20T02:00Z, or a snapshot id.',
  to: 'Give a date such as 2026-11-20, a time such as 2026-11-20T02:00Z, or a snapshot id.',
  subset: 'Give two numbers such as 3/7: the third of seven parts.',
  head: 'Give the 64 hexadecimal digits that `verify`, `status` or `sync` printed.',
};

/** The time of a snapshot id, or a time as in `diff`. */
function parseMoment(text: string): Date | string {
  return parseSnapshotId(text) ?? parseTime(text) ?? 'is not a time.';
}

function parseEnd(text: string): Date | string {
  return parseMoment(includeWholeDay(text));
}

function parseSubset(text: string): { part: number; of: number } | string {
  const [, part = 0, of = 0] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
  return part >= 1 && part <= of ? { part, of } : 'is not a part.';
}

function parseHead(text: string): { sha256: string } | string {
  const sha256 = text.toLowerCase();
  return /^[0-9a-f]{64}$/.test(sha256) ? { sha256 } : 'is not a SHA-256.';
}
