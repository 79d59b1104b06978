import { type CliProcess, startCli } from '../../support/cli.ts';
import { type Fate, startTap, type Tap } from './tap.ts';

/** The servers that a program talks to. */
export const SERVERS = ['service', 'postgres', 'redis', 's3'] as const;
export type Server = (typeof SERVERS)[number];

/** A running command, with a tap of its own before each server. */
export interface Machine extends CliProcess {
  readonly pid: number;
  isRunning(): boolean;
}

/** A piece of what a program sends to a server; `earlier` is the piece before it on the connection. */
export interface Passing {
  readonly server: Server;
  readonly machine: Machine;
  readonly text: string;
  readonly earlier: string;
}

export interface MachineOptions {
  readonly folder: string;
  readonly ports: Readonly<Record<Server, () => number>>;
  /** The environment, given the port at which the machine finds each server. */
  readonly env: (ports: Readonly<Record<Server, number>>) => Readonly<Record<string, string>>;
  readonly judge: (passing: Passing) => Fate | Promise<Fate>;
}

/** Starts a command that sees its servers through taps alone; they go when it has ended. */
export async function startMachine(
  args: readonly string[],
  { folder, ports, env, judge }: MachineOptions,
): Promise<Machine> {
  let machine: Machine | undefined;
  const open = async (server: Server) =>
    startTap(ports[server], async (text, earlier) =>
      judge({ server, machine: machine as Machine, text, earlier }),
    );
  const taps = await Promise.all(
    SERVERS.map(async (server): Promise<[Server, Tap]> => [server, await open(server)]),
  );
  const portOf = Object.fromEntries(taps.map(([server, { port }]) => [server, port]));
  const started = await startCli(args, {
    cwd: folder,
    env: env(portOf as Record<Server, number>),
  });
  const { child } = started;
  machine = {
    ...started,
    pid: child.pid as number,
    isRunning: () => child.exitCode === null && child.signalCode === null,
  };
  started.result.then(() => Promise.all(taps.map(([, tap]) => tap.close()))).catch(() => {});
  return machine;
}
