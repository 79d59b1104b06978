import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureBuilt } from '../../scripts/lib/build.mjs';
import { MAIN } from './cli.ts';
import { temporaryFolder } from './temp.ts';

/** A command that runs in a terminal, as `script` of util-linux makes one. */
export interface TerminalRun {
  /** What the terminal has shown so far, with its control sequences. */
  readonly shown: () => string;
  /** Presses keys: `\u0003` is Ctrl-C. */
  type(keys: string): void;
  /** Closes the terminal: the command gets SIGHUP, and its reads and writes fail. */
  closeTerminal(): void;
  /**
   * The exit code once the command has ended and all that it printed is shown (128 and the number of a
   * signal); null before.
   */
  readonly exitCode: () => number | null;
  /** Kills what still runs, and removes its files. */
  end(): Promise<void>;
}

export interface TerminalOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Columns and rows, 120 x 40 if left out. */
  readonly size?: readonly [columns: number, rows: number];
  /** False if the shell keeps SIGHUP from the command. Reads and writes still fail. */
  readonly hangUp?: boolean;
}

/** Starts `cognito-mirror` with these arguments in a terminal of its own. */
export async function startInTerminal(
  args: readonly string[],
  { env, cwd, size: [columns, rows] = [120, 40], hangUp = true }: TerminalOptions,
): Promise<TerminalRun> {
  await ensureBuilt();
  const folder = await temporaryFolder();
  const codeFile = join(folder.path, 'code');
  const groupFile = join(folder.path, 'group');
  const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const command = [process.execPath, MAIN, ...args].map(quoted).join(' ');
  // The shell hands SIGHUP on, as shells do, and outlives the terminal to keep the exit code.
  const lines = [
    `echo $$ > ${groupFile}; stty cols ${columns} rows ${rows}; exec 3<&0; trap '' INT`,
    `${command} <&3 3<&- & pid=$!`,
    hangUp ? 'trap "kill -HUP $pid" HUP' : "trap '' HUP",
    'while kill -0 $pid 2>/dev/null; do wait $pid; code=$?; done',
    `echo $code > ${codeFile}.new; mv ${codeFile}.new ${codeFile}`,
  ];
  const script = spawn('script', ['-qfc', lines.join('\n'), '/dev/null'], {
    cwd,
    env: { PATH: process.env['PATH'], SHELL: '/bin/sh', TERM: 'xterm', ...env },
  });
  let shown = '';
  script.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text;
  });
  script.stdin.on('error', () => {});
  // The exit code is there before all that was printed has come through the terminal.
  let isClosed = false;
  script.once('close', () => {
    isClosed = true;
  });
  return {
    shown: () => shown,
    type: (keys) => script.stdin.write(keys),
    closeTerminal: () => script.kill('SIGKILL'),
    exitCode: () =>
      isClosed && existsSync(codeFile) ? Number(readFileSync(codeFile, 'utf8')) : null,
    async end() {
      await killed(script);
      if (existsSync(groupFile)) killGroup(Number(readFileSync(groupFile, 'utf8')));
      await folder.remove();
    },
  };
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once('close', resolve));
  child.kill('SIGKILL');
  await closed;
}

function killGroup(id: number): void {
  try {
    process.kill(-id, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
