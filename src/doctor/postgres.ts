import { formatCommand } from '../common/command.ts';
import { formatBytes } from '../common/format.ts';
import { redactUrl } from '../common/redact-url.ts';
import { counted } from '../common/text.ts';
import { requireMigrated } from '../postgres/migrate.ts';
import { inspectSchemas } from '../postgres/own-schemas.ts';
import { requireUsable } from '../postgres/require-usable.ts';
import {
  findUnsafeSettings,
  readServerFacts,
  type UnsafeSetting,
} from '../postgres/server-facts.ts';
import { findMissingRights } from '../postgres/worker-rights.ts';
import { type CheckDefinition, examinePostgres, failed, ok, okWithout, warning } from './check.ts';

const REACH = 'Check that the server runs and that this machine can reach it.';

/** The connection: server, version, encoding, primary, pooler. */
const connectionCheck: CheckDefinition = {
  id: 'postgres',
  title: 'Postgres',
  examines: 'whether the database can be reached and used: version, encoding, primary, pooler',
  isQuick: true,
  remedy: REACH,
  examine: async ({ config, isUsable, openPostgres }) => {
    if (!isUsable('DATABASE_URL')) return [];
    const session = await openPostgres();
    if (session === null) {
      return [ok(`No embedded database in ${config.home} yet: the first \`sync\` creates one.`)];
    }
    await requireUsable(session);
    const { version, role, database } = await readServerFacts(session);
    const place =
      config.databaseUrl === null ? `embedded in ${config.home}` : redactUrl(config.databaseUrl);
    const through = session.isPooled ? ', through a pooler in session mode' : '';
    return [ok(`Version ${version}, database ${database} as role ${role}${through} (${place}).`)];
  },
};

/** The rights of the role. */
const rightsCheck: CheckDefinition = {
  id: 'postgres-rights',
  title: 'Postgres rights',
  examines:
    'whether the role may create the schemas, or has the [rights of a worker](OPERATIONS.md#roles) in them',
  isQuick: true,
  remedy: REACH,
  examine: examinePostgres(async (session, { mirror }) => {
    const { role, database, mayCreate, isSuperuser } = await readServerFacts(session);
    const advice = isSuperuser ? ' It is a superuser, which the mirror does not need.' : '';
    if ((await mirror()) === null) {
      return mayCreate
        ? [ok(`The role ${role} may create the schemas.${advice}`)]
        : [
            failed(
              `The role ${role} may not create the schemas \`directory\` and \`mirror\`.`,
              `Run \`GRANT CREATE ON DATABASE ${quoteName(database)} TO ${quoteName(role)}\`, or \`${formatCommand(['migrate'])}\` with another role.`,
            ),
          ];
    }
    const { grants, isRestricted } = await findMissingRights(session);
    const results = grants.map((grant) =>
      failed(`The role ${role} lacks ${grant}.`, `Run \`GRANT ${grant} TO ${quoteName(role)}\`.`),
    );
    if (isRestricted) {
      results.push(
        failed(
          `Policies hide rows from the role ${role}, which would look like removals.`,
          `Run \`ALTER ROLE ${quoteName(role)} BYPASSRLS\`.`,
        ),
      );
    }
    return okWithout(results, `The role ${role} has every right of a worker.${advice}`);
  }),
};

/** The schema. */
const schemaCheck: CheckDefinition = {
  id: 'postgres-schema',
  title: 'Database schema',
  examines: 'whether every migration is applied, and none of a newer program',
  isQuick: true,
  remedy: `Run \`${formatCommand(['migrate'])}\`.`,
  examine: examinePostgres(async (session, { mirror }) => {
    if ((await mirror()) === null) {
      const { refusal } = await inspectSchemas(session);
      if (refusal !== null) return [failed(`Here, ${refusal.problem}`, refusal.remedy)];
      return [ok('Nothing is mirrored there yet: the first run creates the schemas.')];
    }
    await requireMigrated(session);
    return [ok('Up to date.')];
  }),
};

/** Settings that the program cannot set itself. */
const settingsCheck: CheckDefinition = {
  id: 'postgres-settings',
  title: 'Postgres settings',
  examines: 'settings of the server and the role that put committed data at risk',
  isQuick: true,
  remedy: REACH,
  examine: examinePostgres(async (session) => {
    const unsafe = await findUnsafeSettings(session);
    if (unsafe.length === 0) {
      return [ok('None puts data at risk. The program sets those of its sessions itself.')];
    }
    const { role, database } = await readServerFacts(session);
    return unsafe.map((setting) =>
      warning(
        `${setting.name} is ${setting.value}: ${RISKS[setting.name] ?? 'data is at risk.'}`,
        toCommands(setting, role, database),
      ),
    );
  }),
};

const RISKS: Readonly<Record<string, string>> = {
  autovacuum: 'tables grow with every snapshot, and plans become slow.',
  fsync: 'a crash of the machine can destroy the database.',
  full_page_writes: 'a crash of the machine can damage pages of the database.',
  synchronous_commit: 'a crash can lose the last transactions, which the archive may have already.',
  track_counts: 'autovacuum does not run, so tables grow with every snapshot.',
};

/** Sets what a role may set where it is set; the rest only for the whole server. */
function toCommands({ name, safe, source }: UnsafeSetting, role: string, db: string): string {
  const set = `SET ${name} = ${safe}`;
  const [asRole, asDatabase] = [quoteName(role), quoteName(db)];
  if (name !== 'synchronous_commit') {
    return `Run \`ALTER SYSTEM ${set}\` as a superuser, then \`SELECT pg_reload_conf()\`.`;
  }
  switch (source) {
    case 'user':
      return `Run \`ALTER ROLE ${asRole} ${set}\`.`;
    case 'database user':
      return `Run \`ALTER ROLE ${asRole} IN DATABASE ${asDatabase} ${set}\`.`;
    default:
      return `Run \`ALTER DATABASE ${asDatabase} ${set}\`.`;
  }
}

/** Connections left. */
const connectionsCheck: CheckDefinition = {
  id: 'postgres-connections',
  title: 'Postgres connections',
  examines: 'how many connections are left for this role',
  isQuick: true,
  remedy: REACH,
  examine: examinePostgres(async (session) => {
    const { used, usedByRole, limit, limitOfRole, role } = await readServerFacts(session);
    const ofServer = limit - used;
    const ofRole = limitOfRole - usedByRole;
    const left = Math.max(0, Math.min(ofServer, ofRole));
    const detail = `${counted(left, 'connection')} left for the role ${role}; the server allows ${limit}.`;
    if (left >= LEAST_CONNECTIONS) return [ok(detail)];
    const remedy =
      ofRole < ofServer
        ? `Run \`ALTER ROLE ${quoteName(role)} CONNECTION LIMIT -1\`, or raise the limit of the database.`
        : `Close other clients, or raise the limit: \`ALTER SYSTEM SET max_connections = ${limit + 100}\`, then restart the server.`;
    return [
      warning(
        `${detail} A worker uses up to ${LEAST_CONNECTIONS}; with fewer it is slower.`,
        remedy,
      ),
    ];
  }),
};

/** The connections of a worker: ten of its pool, and those that hold locks. */
const LEAST_CONNECTIONS = 15;

/** Space. */
const spaceCheck: CheckDefinition = {
  id: 'postgres-space',
  title: 'Postgres space',
  examines: 'the size of the database. Postgres does not say how much is free on its disk',
  isQuick: true,
  remedy: REACH,
  examine: examinePostgres(async (session) => {
    const { databaseBytes } = await readServerFacts(session);
    const size = formatBytes(databaseBytes);
    return [ok(`The database has ${size}. A snapshot needs room for its rows once more.`)];
  }),
};

export const postgresChecks: readonly CheckDefinition[] = [
  connectionCheck,
  schemaCheck,
  rightsCheck,
  settingsCheck,
  connectionsCheck,
  spaceCheck,
];

/** A name as SQL quotes it, if it needs quotes. */
function quoteName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
