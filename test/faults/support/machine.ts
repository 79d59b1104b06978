import { type CliProcess, startCli } from '../../support/cli.ts';
import { type Handling, type Interceptor, startInterceptor } from './interceptor.ts';

/** The servers that a program talks to. */
export const SERVERS = ['service', 'postgres', 'redis', 's3'] as const;
export type Server = (typeof SERVERS)[number];

/** A running command, with an interceptor of its own before each server. */
export interface Machine extends CliProcess {
  readonly pid: number;
  isRunning(): boolean;
}

/** A piece of what a program sends to a server; `earlier` is what it sent before on the connection. */
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
  readonly handle: (passing: Passing) => Handling | Promise<Handling>;
}

/** Starts a command that sees its servers through interceptors alone; they go when it has ended. */
export async function startMachine(
  args: readonly string[],
  { folder, ports, env, handle }: MachineOptions,
): Promise<Machine> {
  let machine: Machine | undefined;
  const open = async (server: Server) =>
    startInterceptor(ports[server], async (text, earlier) =>
      handle({ server, machine: machine as Machine, text, earlier }),
    );
  const interceptors = await Promise.all(
    SERVERS.map(async (server): Promise<[Server, Interceptor]> => [server, await open(server)]),
  );
  const portOf = Object.fromEntries(interceptors.map(([server, { port }]) => [server, port]));
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
  started.result
    .then(() => Promise.all(interceptors.map(([, interceptor]) => interceptor.close())))
    .catch(() => {});
  return machine;
}
