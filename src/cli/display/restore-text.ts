import { formatDuration } from '../../common/format.ts';
import { printable } from '../../common/printable.ts';
import { counted, formatCount } from '../../common/text.ts';
import type {
  ImportCsvSummary,
  Loss,
  LossCount,
  LossReason,
  RestoreEntity,
  RestorePlan,
  RestoreResult,
  RestoreTask,
} from '../../index.ts';
import { RESTORE_ENTITIES } from '../../index.ts';
import { type FittedColumn, formatTable } from './table.ts';
import { MARKS, pad, wrap } from './text-width.ts';

const LABEL_WIDTH = 13;

/** What each reason means, as the end of a sentence about what does not come back. */
const REASONS: Readonly<Record<LossReason, string>> = {
  sub: 'the service gives each user a new sub; sub-map.csv has both',
  dates: 'dates of creation and change are those of the restore',
  password: 'no API gives passwords or their hashes',
  totp: 'authenticator apps and passkeys are secrets that no API gives',
  'mfa-off': "the target's MFA is off",
  status: 'the user gets another status than in the snapshot',
  unconfirmed: 'the sign-up was never confirmed; the person signs up again',
  'federated-profile': 'a profile of an identity provider; it comes back at the next sign-in',
  'no-address': 'the target signs in by an address that the snapshot lacks or hides',
  'no-verified-address': 'an import job needs a verified address',
  'alias-conflict': 'another user has the sign-in name or alias',
  'attribute-missing': "the target's schema lacks the attribute",
  'attribute-immutable': 'the attribute cannot be changed',
  'attribute-invalid': "the value breaks a rule of the target's schema",
  'attribute-required': 'the target requires an attribute that the user lacks',
  'attribute-hidden': 'the privacy rules of the mirror hide the attribute in the snapshot',
  'attribute-unverified': 'the service would send a message to verify the address',
  replaced: 'the name belongs to another person now',
  'group-field': 'no call clears the field',
  'provider-group': 'the service makes it itself for an identity provider',
  'no-user': 'the user does not come back',
  'no-group': 'the target has no such group, and none is created',
};

/** What a restore will do, in lines of at most `width` columns. */
export function formatRestorePlan(plan: RestorePlan, width: number): string {
  const { source, target, recovery } = plan;
  const place = source.archive === null ? '' : ` in ${source.archive}`;
  const name = target.name === null ? '' : ` (${target.name})`;
  const lines = [
    ...wrap(
      '',
      printable(
        `${source.poolId}/${source.snapshot}${place} ${MARKS.arrow} ${target.poolId}${name}`,
      ),
      width,
    ),
    '',
    ...formatTable(COUNTS, toRows(plan), width),
  ];
  const add = (label: string, text: string) =>
    lines.push(...wrap(`  ${pad(label, LABEL_WIDTH)}`, printable(text), width));
  lines.push('');
  if (plan.quotas.length === 0) add('nothing', 'is left to write');
  if (plan.users.passwords + plan.users.disable + plan.users.enable > 0) {
    add('users', describeUsers(plan));
  }
  for (const { quota, calls, callsASecond, seconds } of plan.quotas) {
    const parts = Object.entries(calls).map(([call, count]) => `${formatCount(count)} ${call}`);
    add('calls', `${parts.join(', ')}: ${formatDuration(seconds)} at ${callsASecond}/s (${quota})`);
  }
  if (plan.quotas.length > 0) add('time', `${formatDuration(plan.seconds)} at least`);
  if (plan.triggers.length > 0) add('triggers', `${plan.triggers.join(', ')} will run`);
  if (plan.losses.length > 0)
    lines.push('', 'Does not come back:', ...formatLosses(plan.losses, width));
  if (recovery !== null) {
    lines.push(
      '',
      ...wrap(
        '',
        `The service's own point-in-time recovery reaches back ${counted(recovery.days, 'day')} in a pool of ` +
          'this tier. It also brings back passwords, second factors and sub, for the whole pool in its ' +
          'place. This command begins it and makes a preview; nothing starts it for you:',
        width,
      ),
      `  ${recovery.command}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

interface CountRow {
  readonly entity: RestoreEntity;
  readonly create: number;
  readonly update: number;
  readonly equal: number;
  readonly lost: number;
}

function toRows({ counts }: RestorePlan): CountRow[] {
  return RESTORE_ENTITIES.map((entity) => ({ entity, ...counts[entity] }));
}

const countColumn = (
  name: string,
  weight: number,
  read: (row: CountRow) => number,
): FittedColumn<CountRow> => ({
  name,
  weight,
  align: 'right',
  text: (row) => formatCount(read(row)),
});

const COUNTS: readonly FittedColumn<CountRow>[] = [
  { name: '', weight: 5, text: ({ entity }) => `${entity}s` },
  countColumn('create', 4, ({ create }) => create),
  countColumn('update', 3, ({ update }) => update),
  countColumn('equal', 2, ({ equal }) => equal),
  countColumn('not restored', 1, ({ lost }) => lost),
];

function describeUsers({ users, password }: RestorePlan): string {
  const kind =
    password.kind === 'random'
      ? 'permanent password that is shown and kept nowhere'
      : `temporary password, which expires after ${counted(password.expiresAfterDays ?? 0, 'day')}`;
  const parts = [
    users.passwords > 0 ? `${formatCount(users.passwords)} will get a random ${kind}` : null,
    users.disable > 0 ? `${formatCount(users.disable)} will be disabled` : null,
    users.enable > 0 ? `${formatCount(users.enable)} will be enabled` : null,
  ].filter((each) => each !== null);
  return parts.join('; ');
}

function formatLosses(losses: readonly LossCount[], width: number): string[] {
  return losses.flatMap(({ reason, entity, whole, count }) =>
    wrap(
      `  ${pad(reason, 20)}  `,
      `${counted(count, entity)}${whole ? ' not restored' : ''}: ${REASONS[reason]}`,
      width,
    ),
  );
}

/** One line for what is written by a task, by name. */
export function formatTask(task: RestoreTask): string {
  switch (task.entity) {
    case 'group':
      return line(task.action, 'group', task.groupName, namesOf(task));
    case 'user':
      return line(task.action, 'user', task.username, namesOf(task));
    case 'membership':
      return line('add', 'user', task.username, [`to group ${task.groupName}`]);
    case 'link':
      return line('link', 'user', task.username, [`with ${task.providerName}`]);
  }
}

/** The names of what a task sets, without values. */
export function namesOf(task: Extract<RestoreTask, { entity: 'group' | 'user' }>): string[] {
  if (task.entity === 'group') {
    return (['description', 'roleArn', 'precedence'] as const).filter(
      (name) => task[name] !== null,
    );
  }
  return [
    ...Object.keys(task.attributes).sort(),
    ...(task.enabled === null ? [] : [task.enabled ? 'enabled' : 'disabled']),
    ...(task.action === 'create' || task.password ? ['password'] : []),
    ...(task.mfa === null ? [] : ['mfa']),
  ];
}

/** One line for something that does not come back, by name. */
export function formatLoss({ entity, name, reason, whole, detail }: Loss): string {
  return line(whole ? 'skip' : 'lose', entity, name, [
    detail === null ? reason : `${reason} ${detail}`,
  ]);
}

function line(action: string, entity: string, name: string, details: readonly string[]): string {
  const text = details.length === 0 ? name : `${name}: ${details.join(', ')}`;
  return `${pad(action, 7)}${pad(entity, 11)}${printable(text)}\n`;
}

/** How a restore ended, in lines of at most `width` columns. */
export function formatRestoreResult(result: RestoreResult, width: number): string {
  const lines: string[] = [];
  const add = (label: string, text: string) =>
    lines.push(...wrap(`  ${pad(label, LABEL_WIDTH)}`, printable(text), width));
  for (const entity of RESTORE_ENTITIES) {
    const { created, updated, failed } = result.counts[entity];
    const done = created + updated;
    if (done + failed === 0) continue;
    add(
      `${entity}s`,
      `${formatCount(done)} written${failed > 0 ? `, ${formatCount(failed)} failed` : ''}`,
    );
  }
  for (const { reason, count } of result.failures)
    add('failed', `${formatCount(count)} by ${reason}`);
  add('report', result.files.report);
  add('subs', result.files.subMap);
  return `${lines.join('\n')}\n`;
}

/** What the file of an import job has, and what that way loses, in lines of at most `width` columns. */
export function formatImportCsv(summary: ImportCsvSummary, width: number): string {
  const { users, lost, losses, isTooLarge } = summary;
  const always = [
    'groups and memberships',
    'links of identities',
    'second factors',
    'the disabled state',
    'passwords and sub',
  ];
  const lines = wrap(
    '',
    `${counted(users, 'user')} in the file. They come back as RESET_REQUIRED: each must reset the password ` +
      `at the first sign-in. An import job gives back no ${always.join(', ')}.`,
    width,
  );
  const add = (count: number, text: string) => {
    if (count > 0) lines.push(...wrap('  ', `${formatCount(count)} ${text}`, width));
  };
  add(lost.memberships, 'memberships are lost');
  add(lost.disabled, 'disabled users come back enabled');
  add(lost.links, 'links of identities are lost');
  add(lost.secondFactors, 'users lose their second factor');
  if (losses.length > 0) lines.push('Not in the file:', ...formatLosses(losses, width));
  if (isTooLarge) {
    lines.push(
      ...wrap(
        '',
        'One job takes at most 500,000 users and 100 MB: split the file, each part with its header.',
        width,
      ),
    );
  }
  return `${lines.join('\n')}\n`;
}
