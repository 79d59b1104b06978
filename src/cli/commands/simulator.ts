import { Command } from 'commander';
import { untilAborted } from '../../common/abort.ts';
import { ActionRequiredError, isPoolId, type Problem, poolIdProblem } from '../../index.ts';
import {
  DENIALS,
  type Denial,
  FAULTS,
  type FaultName,
  type FaultSetting,
} from '../../simulator/faults.ts';
import {
  DEFAULT_ACCOUNT,
  DEFAULT_POOL_ID,
  type SimulatorOptions,
} from '../../simulator/options.ts';
import { type Operation, REQUESTS } from '../../simulator/requests.ts';
import { commandLine } from '../command-line.ts';
import { writeNote } from '../output.ts';
import { withSignals } from '../signals.ts';

const DEFAULT_PORT = '4567';

/** The most users and groups of a pool (the service's quotas page). */
const MAX_USERS = 40_000_000;
const MAX_GROUPS = 10_000;

/** The options as text. An absent one has its default in the simulator, or none. */
interface RawOptions {
  readonly port: string;
  readonly pool?: string[];
  readonly users: string;
  readonly groups: string;
  readonly seed: string;
  readonly largestGroup?: string;
  readonly secondDigit?: string;
  readonly account: string;
  readonly rps: string;
  readonly latencyMs: string;
  readonly pageFill: string;
  readonly pageTokenTtlS: string;
  readonly fault?: string[];
  readonly deny?: string[];
}

/** `simulator`: a Cognito API server on loopback, until interrupted. */
export function simulatorCommand(): Command {
  const repeat = (value: string, previous: string[] = []) => [...previous, value];
  return new Command('simulator')
    .description(
      'serve the Cognito API on loopback, over generated pools, until interrupted; the first line on standard output is the URL, printed when it is ready',
    )
    .option('--port <port>', 'port on 127.0.0.1; 0 takes a free one', DEFAULT_PORT)
    .option('--pool <id>', `a pool to serve; may be repeated (default: ${DEFAULT_POOL_ID})`, repeat)
    .option('--users <n>', 'users of each pool', '1000')
    .option(
      '--groups <n>',
      'groups of each pool, from empty to nearly everyone, automatic groups of identity providers included',
      '20',
    )
    .option(
      '--largest-group <share>',
      'the share of the users in the largest group (default: 0.95)',
    )
    .option('--seed <n>', 'the same seed makes the same pools', '1')
    .option('--second-digit <hex>', "every sub's second digit, as in newer pools (default: random)")
    .option('--account <id>', 'the AWS account of the pools: 12 digits', DEFAULT_ACCOUNT)
    .option(
      '--rps <n>',
      "requests a second of ListUsers and ListUsersInGroup together, per account and Region; other operations have the service's quotas; 0 lifts them all",
      '30',
    )
    .option('--latency-ms <ms>', 'how long an answer takes; each differs by up to a fifth', '0')
    .option('--page-fill <share>', 'how full pages are on average, over 0 up to 1', '1')
    .option('--page-token-ttl-s <s>', 'how long a page token is valid, from its issue', '3600')
    .option(
      '--fault <name=rate>',
      'a fault at a rate from 0 to 1, of all operations or of some (name:ListUsers,ListGroups=rate); may be repeated; the names are listed below',
      repeat,
    )
    .option(
      '--deny <operations>',
      `operations to refuse, comma-separated, as IAM does (${DENIALS[0]}), or as the service does with =${DENIALS[1]} or =${DENIALS[2]}`,
      repeat,
    )
    .addHelpText('after', helpAfter())
    .action((options: RawOptions) => withSignals((signal) => serve(parseOptions(options), signal)));
}

function helpAfter(): string {
  const faults = Object.entries(FAULTS).map(([name, text]) => `  ${name.padEnd(15)} ${text}`);
  return `
Faults:
${faults.join('\n')}

While it runs, GET /_simulator/attempts lists the received requests, and DELETE
clears the list. POST /_simulator/faults with a JSON object such as
{"throttle":0.1} replaces the faults.

A client uses it with any credentials and its URL as endpoint:
  AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=http://127.0.0.1:${DEFAULT_PORT} \\
  AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any \\
  aws --region us-east-1 cognito-idp list-users \\
    --user-pool-id ${DEFAULT_POOL_ID}`;
}

/** What a person at a terminal does next. */
function describeUse(url: string): string {
  return `To use it as your account, in another terminal:
  export AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER=${url} AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
  ${commandLine(['init'])}
Ctrl-C ends it.`;
}

async function serve(options: SimulatorOptions, signal: AbortSignal): Promise<void> {
  const { startSimulator } = await import('../../simulator/server.ts');
  const simulator = await startSimulator(options).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') throw error;
    const problem: Problem = {
      subject: '--port',
      problem: `${options.port} cannot be listened on (${error.code}).`,
      remedy: 'Name another port, or 0 for a free one.',
    };
    throw new ActionRequiredError([problem], { cause: error });
  });
  try {
    await writeNote(`${simulator.url}\n`);
    if (process.stdout.isTTY) console.error(describeUse(simulator.url));
    await untilAborted(signal);
  } finally {
    await simulator.close();
  }
}

/**
 * Checks and converts the options.
 *
 * @throws ActionRequiredError with every problem found
 */
function parseOptions(raw: RawOptions): SimulatorOptions {
  const problems: Problem[] = [];
  const refuse = (subject: string, problem: string, remedy: string) => {
    problems.push({ subject, problem, remedy });
  };
  const number = (flag: string, value: unknown, least: number, most: number, whole = true) => {
    const text = String(value);
    const parsed = Number(text);
    const right = /^\d+(\.\d+)?$/.test(text) && parsed >= least && parsed <= most;
    if (!right || (whole && !Number.isInteger(parsed))) {
      const kind = whole ? 'a whole number' : 'a number';
      refuse(
        `--${flag}`,
        `${text} is not ${kind} from ${least} to ${most}.`,
        `Use ${kind} in that range.`,
      );
    }
    return parsed;
  };
  const pools = raw.pool ?? [DEFAULT_POOL_ID];
  for (const [index, id] of pools.entries()) {
    if (!isPoolId(id)) refuse('--pool', poolIdProblem(id), `Its form is ${DEFAULT_POOL_ID}.`);
    if (pools.indexOf(id) < index) refuse('--pool', `${id} is named twice.`, 'Name it once.');
  }
  if (!/^\d{12}$/.test(raw.account)) {
    refuse('--account', `${raw.account} is not an AWS account id.`, 'Use 12 digits.');
  }
  const digit = raw.secondDigit;
  if (digit !== undefined && !/^[0-9a-f]$/i.test(digit)) {
    refuse('--second-digit', `${digit} is not a hex digit.`, 'Use one of 0 to 9 and a to f.');
  }
  const options: SimulatorOptions = {
    port: number('port', raw.port, 0, 65_535),
    pools,
    users: number('users', raw.users, 0, MAX_USERS),
    groups: number('groups', raw.groups, 0, MAX_GROUPS),
    seed: number('seed', raw.seed, 0, 2 ** 32 - 1),
    account: raw.account,
    rps: number('rps', raw.rps, 0, 1_000_000, false),
    latencyMs: number('latency-ms', raw.latencyMs, 0, 600_000, false),
    pageFill: number('page-fill', raw.pageFill, 0.01, 1, false),
    pageTokenTtlSeconds: number('page-token-ttl-s', raw.pageTokenTtlS, 0, 1e9, false),
    faults: parseFaults(raw.fault ?? [], refuse),
    deny: parseDenials(raw.deny ?? [], refuse),
    ...(raw.largestGroup === undefined
      ? {}
      : { largestShare: number('largest-group', raw.largestGroup, 0, 1, false) }),
    ...(digit === undefined ? {} : { secondDigit: Number.parseInt(digit, 16) }),
  };
  if (problems.length > 0) throw new ActionRequiredError(problems);
  return options;
}

type Refuse = (subject: string, problem: string, remedy: string) => void;

/** `name=rate`, or `name:Operation,Operation=rate`. */
function parseFaults(
  texts: readonly string[],
  refuse: Refuse,
): Partial<Record<FaultName, FaultSetting>> {
  const faults: Partial<Record<FaultName, FaultSetting>> = {};
  for (const text of texts) {
    const match = /^([a-z-]+)(?::([\w,]+))?=(\d+(?:\.\d+)?)$/.exec(text);
    const name = match?.[1] ?? '';
    const rate = Number(match?.[3]);
    if (!Object.hasOwn(FAULTS, name) || !(rate <= 1)) {
      refuse(
        '--fault',
        `${text} is not a fault with a rate from 0 to 1.`,
        `Example: throttle=0.1. Faults: ${Object.keys(FAULTS).join(', ')}.`,
      );
      continue;
    }
    const operations = match?.[2]?.split(',');
    for (const operation of operations ?? []) checkOperation('--fault', operation, refuse);
    faults[name as FaultName] = operations === undefined ? rate : { rate, operations };
  }
  return faults;
}

/** `Operation,Operation`, or `Operation,Operation=NotAuthorizedException`. */
function parseDenials(
  texts: readonly string[],
  refuse: Refuse,
): Partial<Record<Operation, Denial>> {
  const denials: Partial<Record<Operation, Denial>> = {};
  for (const text of texts) {
    const [operations = '', as = DENIALS[0]] = text.split('=');
    const denial = DENIALS.find((known) => known === as);
    if (denial === undefined) {
      refuse('--deny', `${as} is not a known refusal.`, `Use ${DENIALS.join(' or ')}.`);
      continue;
    }
    for (const operation of operations.split(',')) {
      if (checkOperation('--deny', operation, refuse)) denials[operation as Operation] = denial;
    }
  }
  return denials;
}

function checkOperation(subject: string, operation: string, refuse: Refuse): boolean {
  if (Object.hasOwn(REQUESTS, operation)) return true;
  refuse(
    subject,
    operation === ''
      ? 'an operation is missing.'
      : `the simulator does not have the operation ${operation}.`,
    `Use one of ${Object.keys(REQUESTS).join(', ')}.`,
  );
  return false;
}
