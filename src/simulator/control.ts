import type { ServerResponse } from 'node:http';
import type { AttemptFilter, AttemptLog } from './attempt-log.ts';
import type { FaultSettings, Faults } from './faults.ts';

/** The control paths, for programs that run the simulator in another process. */
export const CONTROL_PATH = '/_simulator/';

interface ControlTarget {
  readonly attempts: AttemptLog;
  readonly faults: Faults;
}

/** A response of the control paths; the value is sent as JSON. */
interface ControlAnswer {
  readonly status: number;
  readonly value: unknown;
}

/**
 * `GET health`; `GET attempts` (filtered by `operation`, `bucket` and `outcome`) and
 * `DELETE attempts`; `GET faults`, and `POST faults` to replace all of them.
 */
export function handleControl(
  controlled: ControlTarget,
  path: string,
  method: string,
  body: string,
  response: ServerResponse,
): void {
  const { status, value } = route(controlled, path, method, body);
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(value));
}

function route(
  { attempts, faults }: ControlTarget,
  path: string,
  method: string,
  body: string,
): ControlAnswer {
  const url = new URL(path, 'http://simulator');
  switch (`${method} ${url.pathname.slice(CONTROL_PATH.length)}`) {
    case 'GET health':
      return { status: 200, value: { ok: true } };
    case 'GET attempts': {
      const chosen = attempts.entries(Object.fromEntries(url.searchParams) as AttemptFilter);
      return { status: 200, value: { total: attempts.total, attempts: chosen } };
    }
    case 'DELETE attempts':
      attempts.clear();
      return { status: 200, value: { total: attempts.total, attempts: [] } };
    case 'GET faults':
      return { status: 200, value: faults.settings };
    case 'POST faults':
      return setFaults(faults, body);
    default:
      return { status: 404, value: { error: `The simulator has no ${method} ${url.pathname}.` } };
  }
}

function setFaults(faults: Faults, body: string): ControlAnswer {
  try {
    faults.set(JSON.parse(body) as FaultSettings);
    return { status: 200, value: faults.settings };
  } catch (error) {
    return {
      status: 400,
      value: { error: error instanceof Error ? error.message : String(error) },
    };
  }
}
