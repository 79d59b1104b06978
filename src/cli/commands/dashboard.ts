import { randomBytes } from 'node:crypto';
import { Command } from 'commander';
import { untilAborted } from '../../common/abort.ts';
import { isLoopback } from '../../common/system.ts';
import { ActionRequiredError, type LoadedOptions, loadOptions } from '../../index.ts';
import { parsePort } from '../arguments.ts';
import { EXIT } from '../errors.ts';
import { writeOut } from '../output.ts';
import { withMirror } from '../pools-command.ts';
import { QUICKLY, withSignals } from '../signals.ts';

interface DashboardOptions {
  readonly port: string;
  readonly host: string;
}

/** `dashboard`: serves the pages of the mirror, until interrupted. */
export function dashboardCommand(): Command {
  return new Command('dashboard')
    .description('serve the pages of the mirror to a browser, until interrupted')
    .option('--port <port>', 'where to listen; 0 takes a free port', '8080')
    .option('--host <host>', 'the address to listen on', '127.0.0.1')
    .action((options: DashboardOptions) =>
      withSignals((signal) => serve(options, signal), { ...QUICKLY, exitCode: EXIT.done }),
    );
}

async function serve({ port, host }: DashboardOptions, signal: AbortSignal): Promise<void> {
  const options = await loadOptions(process.env);
  const { http, isNew } = withToken({ ...options.http, host, port: parsePort(port) });
  await withMirror(options, async (mirror) => {
    const serving = mirror.dashboard({
      signal,
      http,
      onReady: ({ url }) => {
        void writeOut(describe(url, isNew ? http.token : null));
      },
    });
    try {
      await Promise.race([serving, untilAborted(signal)]);
      await serving;
    } catch (error) {
      // A signal is how it ends.
      if (!signal.aborted) throw withOptionNames(error);
    }
  });
}

/**
 * The settings with a token for this run, if none is set.
 *
 * @throws ActionRequiredError if the pages would be offered to other machines with it
 */
function withToken(http: LoadedOptions['http']) {
  if (http.token !== null || (http.viewToken ?? null) !== null) return { http, isNew: false };
  if (!isLoopback(http.host)) {
    throw ActionRequiredError.of(
      'MIRROR_HTTP_TOKEN',
      `is not set, so the dashboard is served to this machine only, and not on ${http.host}.`,
      'Set it to a random text, such as `openssl rand -hex 32` prints, or leave out --host.',
    );
  }
  return { http: { ...http, token: randomBytes(16).toString('hex') }, isNew: true };
}

const OPTION_NAMES: Readonly<Record<string, string>> = { HOST: '--host', PORT: '--port' };

/** The address comes from options here, not from the variables that workers read. */
function withOptionNames(error: unknown): unknown {
  if (!(error instanceof ActionRequiredError)) return error;
  const problems = error.problems.map(({ subject, ...rest }) => ({
    subject: OPTION_NAMES[subject] ?? subject,
    ...rest,
  }));
  return new ActionRequiredError(problems, { cause: error });
}

function describe(url: string, token: string | null): string {
  const signIn =
    token === null
      ? 'Sign in with the token of MIRROR_HTTP_TOKEN, or of MIRROR_HTTP_VIEW_TOKEN for counts only.\n'
      : `Token for this run: ${token}\n`;
  return `Dashboard: ${url}\n${signIn}Ctrl-C ends it.\n`;
}
