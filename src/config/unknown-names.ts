import { nearest } from '../common/text.ts';
import type { Problem } from '../model/errors.ts';

/** Names of earlier versions, with the names that replace them. */
const RENAMED: Readonly<Record<string, string>> = {
  MIRROR_MAX_REMOVED: 'MIRROR_MAX_REMOVED_RATIO',
  maxRemoved: 'maxRemovedRatio',
};

/** Describes an unknown name and suggests its new name, or the known name nearest to it. */
export function describeUnknown(
  kind: 'variable' | 'key',
  name: string,
  known: readonly string[],
  fallback: string,
): Pick<Problem, 'problem' | 'remedy'> {
  const renamed = Object.hasOwn(RENAMED, name) ? RENAMED[name] : undefined;
  if (renamed !== undefined) {
    return { problem: `it is now called ${renamed}.`, remedy: 'Use the new name.' };
  }
  const meant = nearest(name, known);
  return {
    problem: `unknown ${kind}.`,
    remedy:
      meant === null
        ? fallback
        : `Did you mean ${meant}? Rename or ${kind === 'key' ? 'remove' : 'unset'} it.`,
  };
}

/** The prefixes of our variables: an unknown variable that has one is a mistake. */
const OUR_PREFIXES = ['MIRROR_', 'ARCHIVE_'];

/** Reports variables that have our prefix and are unknown. */
export function findUnknownVariables(
  set: Readonly<Record<string, string>>,
  known: readonly string[],
): Problem[] {
  return Object.keys(set)
    .filter((name) => OUR_PREFIXES.some((prefix) => name.startsWith(prefix)))
    .filter((name) => !known.includes(name) && !isServiceLink(name, set[name] ?? ''))
    .sort()
    .map((name) => ({ subject: name, ...describeUnknown('variable', name, known, 'Unset it.') }));
}

/**
 * Kubernetes sets such variables in every container for each service of the namespace, and Docker
 * for each linked container (`--link`): a service `mirror-redis` gives `MIRROR_REDIS_SERVICE_HOST`,
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
