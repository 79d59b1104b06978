import type { Problem } from '../model/errors.ts';
import { nearest } from './nearest.ts';

/** The prefixes under which every variable is ours, so that an unknown one is a mistake. */
const OUR_PREFIXES = ['MIRROR_', 'ARCHIVE_'];

/**
 * Reports variables that look like ours and are not, with the name that was probably meant.
 *
 * @param set the variables by name, with their values
 */
export function findUnknownVariables(
  set: Readonly<Record<string, string>>,
  known: readonly string[],
): Problem[] {
  return Object.keys(set)
    .filter((name) => OUR_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !known.includes(name) && !isServiceLink(name, set[name] ?? ''))
    .sort()
    .map((name) => {
      const meant = nearest(name, known);
      return {
        subject: name,
        problem: 'there is no such variable.',
        remedy: meant === null ? 'Unset it.' : `Did you mean ${meant}? Rename or unset it.`,
      };
    });
}

/**
 * What Kubernetes sets in every container for each service of the namespace, and Docker for each
 * container that is linked (`--link`): a service `mirror-redis` gives `MIRROR_REDIS_SERVICE_HOST`,
 * `MIRROR_REDIS_PORT=tcp://…` and others. Source: Kubernetes' page "Service", "Environment
 * variables"; Docker's page "Legacy container links".
 */
function isServiceLink(name: string, value: string): boolean {
  return (
    /_SERVICE_(HOST|PORT(_\w+)?)$/.test(name) ||
    /_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END))?$/.test(name) ||
    (/_PORT(_\d+_(TCP|UDP|SCTP))?(_START|_END)?$/.test(name) &&
      /^(tcp|udp|sctp):\/\//.test(value)) ||
    /_ENV_\w+$/.test(name) ||
    (name.endsWith('_NAME') && /^\/[^/]+\/[^/]+$/.test(value))
  );
}
