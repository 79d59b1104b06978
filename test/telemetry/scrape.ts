/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Parses the text format of Prometheus. Throws on an invalid line. */
export function parseScrape(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const match = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (match === null) throw new Error(`invalid sample: ${line}`);
    const [, name = '', labels = '', value = ''] = match;
    return {
      name,
      labels: Object.fromEntries(
        [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]),
      ),
      value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
    };
  });
}

/** Returns the samples of one name by the values of their labels, as `ListUsers/ok`. */
export function readValues(text: string, name: string): Record<string, number> {
  const samples = parseScrape(text).filter((sample) => sample.name === name);
  return Object.fromEntries(
    samples.map(({ labels, value }) => [Object.values(labels).join('/'), value]),
  );
}
