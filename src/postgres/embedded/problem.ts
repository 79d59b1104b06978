import { ConfigurationError } from '../../model/errors.ts';

/** Something keeps the embedded Postgres from running; a server of the person's own always helps. */
export function embeddedProblem(
  problem: string,
  remedy: string,
  options?: ErrorOptions,
): ConfigurationError {
  return new ConfigurationError(
    [
      {
        subject: 'embedded Postgres',
        problem,
        remedy: `${remedy}, or set DATABASE_URL to a Postgres of your own.`,
      },
    ],
    options,
  );
}
