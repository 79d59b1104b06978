import { fileURLToPath } from 'node:url';
import { type Argument, type Command, Help, type Option } from 'commander';

/** The package's folder: the same path leads to it from src/cli and from dist/cli. */
const PACKAGE = fileURLToPath(new URL('../../', import.meta.url));

const POOL = 'us-east-1_Ab12Cd34';
const SNAPSHOT = '20261120T020000Z';

/** Examples to start with, by command. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  init: ['init', 'init --pools all --archive-url s3://my-bucket/cognito'],
  sync: [`sync ${POOL}`, `sync ${POOL} --json`],
  plan: [`plan ${POOL}`],
  worker: ['worker'],
  trigger: [`trigger ${POOL}`],
  status: ['status', `status ${POOL} --watch`, `status --check ${POOL} --max-age 26h`],
  doctor: ['doctor', `doctor ${POOL} --json`],
  list: [`list users ${POOL} --filter 'email ^= "ann"'`, `list members ${POOL} admins`],
  query: [
    'query "SELECT username, email FROM users LIMIT 10"',
    'query --csv "SELECT * FROM changes" >changes.csv',
    'query - <statement.sql',
  ],
  diff: [`diff ${POOL}`, `diff ${POOL} latest held`, `diff ${POOL} 2026-11-01 --csv >changes.csv`],
  history: [
    `history ${POOL} ann@example.com`,
    `history ${POOL} ann --archive s3://my-bucket/pools`,
  ],
  access: [`access ${POOL} admins --at 2026-11-01`, `access ${POOL} --user ann@example.com`],
  'access-review export': [
    `access-review export ${POOL} --out review.csv`,
    `access-review export ${POOL} admins --out review.csv`,
  ],
  'access-review check': ['access-review check review.csv'],
  report: [`report ${POOL} --out report.html`, `report ${POOL} --from 2026-07-01 --out q3.html`],
  db: ['db'],
  dashboard: ['dashboard', 'dashboard --port 9000'],
  release: [`release ${POOL}/${SNAPSHOT}`],
  discard: [`discard ${POOL}/${SNAPSHOT}`],
  retire: [`retire ${POOL}`],
  restore: [
    `restore --from ${POOL}/latest --to TARGET --dry-run`,
    `restore --from manifest.json --to TARGET --user ann@example.com`,
    `restore --from ${POOL}/latest --to TARGET \\\n    --format import-csv --out users.csv`,
  ],
  verify: [
    'verify',
    'verify --archive s3://my-bucket/pools --signers allowed_signers',
    'verify --subset 3/7 --json',
  ],
  forget: [`forget ${POOL} USER --dry-run`, `forget ${POOL} --file users.txt --suppress`],
  prune: ['prune --dry-run', `prune ${POOL}`],
  keygen: ['keygen', 'keygen --out /etc/cognito-mirror/signing-key >>allowed_signers'],
  ddl: ['ddl duckdb >archive.sql', 'ddl athena --archive s3://my-bucket/cognito --projection'],
  'iam-policy': ['iam-policy', `iam-policy ${POOL} --restore`],
  completion: [
    'completion bash >>~/.bash_completion',
    'completion zsh >~/.zfunc/_cognito-mirror',
    'completion fish >~/.config/fish/completions/cognito-mirror.fish',
  ],
  migrate: ['migrate'],
  simulator: ['simulator --port 4567 --users 5000 --groups 30'],
  demo: ['demo'],
};

/** The end of the program's help. */
const GENERAL = `
Environment (docs/CONFIGURATION.md has every variable and its default):
  COGNITO_POOLS     pool ids, comma-separated, or all
  DATABASE_URL      Postgres; the default is an embedded one under MIRROR_HOME
  REDIS_URL         Redis; workers need it
  ARCHIVE_URL       s3://bucket/prefix or file:///folder
  MIRROR_HOME       folder for embedded state; the default is ./.cognito-mirror
  MIRROR_CONFIG     YAML file with settings of single pools and accounts
  LOG_LEVEL         info, debug, warn, error, silent …
  AWS_PROFILE, AWS_REGION and the other variables of the AWS SDKs

Exit codes:
  0    done
  1    failed; run it again to resume. With status --check: a mirror is too old;
       with diff --exit-code: the snapshots differ; with verify: something is
       wrong with the archive; with access-review check: a revoked membership is
       still there
  2    wrong usage or configuration, or a server cannot be reached at the start
  3    a snapshot is held for review
  130  interrupted; run it again to resume

Documentation: ${PACKAGE}README.md`;

/** Adds examples to each command's help, and environment and exit codes to the program's. */
export function addHelp(program: Command): void {
  program.addHelpText('after', GENERAL);
  const help = new Help();
  // Defaults appear without quotes, as people type them.
  const unquote = (text: string) => text.replace(/\(default: "(.*)"\)/, '(default: $1)');
  const optionDescription = (option: Option) => unquote(help.optionDescription(option));
  const argumentDescription = (argument: Argument) => unquote(help.argumentDescription(argument));
  for (const command of withSubcommands(program).slice(1)) {
    command.configureHelp({ optionDescription, argumentDescription });
    if (command.commands.length > 0) continue;
    const examples = EXAMPLES[nameOf(command, program)] ?? [];
    const lines = examples.map((example) => `\n  ${program.name()} ${example}`);
    command.addHelpText(
      'after',
      `\nExamples:${lines.join('')}\n\nEnvironment and exit codes: ${program.name()} --help`,
    );
  }
}

/** A command, and all below it. */
export function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

/** The name of a command as it is typed after the program's. */
function nameOf(command: Command, program: Command): string {
  const { parent } = command;
  const isFirst = parent === program || parent === null;
  return isFirst ? command.name() : `${nameOf(parent, program)} ${command.name()}`;
}
