import type { Config } from '../config/config.ts';
import { type ExaminedArchives, findArchives } from './archives.ts';
import { Connections } from './connections.ts';
import type { DoctorContext } from './context.ts';
import { type ExaminedPools, findExaminedPools } from './pools.ts';
import { findServers, type Servers } from './servers.ts';
import { findService, type Service } from './service.ts';

/** What the checks look at. What several of them need is opened once, on first use. */
export interface Surroundings extends Servers, Service, ExaminedPools, ExaminedArchives {
  readonly context: DoctorContext;
  readonly config: Config;
  /** True if the setting is right, or is not set. */
  readonly isUsable: (variable: string) => boolean;
  /** Stops what is being opened or tried. */
  stop(): void;
  /** Closes what the checks opened. */
  close(): Promise<void>;
}

/** With `onlyQuick`, pools come from the database, and the account is not asked. */
export function openSurroundings(context: DoctorContext, { onlyQuick = false } = {}): Surroundings {
  const connections = new Connections();
  const servers = findServers(context, connections);
  const reached = { ...servers, ...findService(context, connections, servers) };
  const pools = findExaminedPools(context, connections, reached, onlyQuick);
  return {
    context,
    config: context.config,
    isUsable: (variable) => !context.unusable.has(variable),
    ...reached,
    ...pools,
    ...findArchives(context, connections, pools),
    stop: () => connections.stop(),
    close: () => connections.close(),
  };
}
