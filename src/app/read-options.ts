import type { AllowanceEntry, ConfigFile } from '../config/file-schema.ts';
import { type LoadOptions, loadConfig } from '../config/load-config.ts';
import { parseWriteQuotas } from '../config/write-quotas.ts';
import { asksForTraces } from '../telemetry/tracing.ts';
import type { LoadedOptions, PoolOptions, QuotaOptions } from './options.ts';

const PROXY_VARIABLES = ['HTTPS_PROXY', 'HTTP_PROXY', 'ALL_PROXY', 'NO_PROXY'];

/** Reads the options from environment variables, and from the file of MIRROR_CONFIG. */
export function readOptions(env: NodeJS.ProcessEnv, needs?: LoadOptions): LoadedOptions {
  const { allowance, file, logLevel, ...config } = loadConfig(env, needs);
  return {
    ...config,
    quotas: {
      ...allowance,
      accounts: readAccounts(file.accounts) ?? {},
    },
    perPool: Object.fromEntries(file.pools) as Record<string, PoolOptions>,
    logger: logLevel,
    traces: asksForTraces(env),
    proxies: Object.fromEntries(
      PROXY_VARIABLES.flatMap((name) => [name, name.toLowerCase()]).map((name) => [
        name,
        env[name],
      ]),
    ),
  };
}

function readAccounts(accounts: ConfigFile['accounts']): QuotaOptions['accounts'] {
  const readEntry = ({ quotaShare: share, userListRps, writeQuotas }: AllowanceEntry) => ({
    ...(share !== undefined && { share }),
    ...(userListRps !== undefined && { userListRps }),
    ...(writeQuotas !== undefined && { writeQuotas: parseWriteQuotas(writeQuotas) }),
  });
  return Object.fromEntries(
    [...accounts].map(([id, regions]) => [
      id,
      Object.fromEntries([...regions].map(([region, entry]) => [region, readEntry(entry)])),
    ]),
  );
}
