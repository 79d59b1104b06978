import type { Sample } from './sample.ts';

/** What a measure may come to. */
export interface Bound {
  /** At any time. */
  readonly most: number;
  /** How many times what it was earlier it may be later, at each level; absent where it grows by its nature. */
  readonly growth?: number;
}

/**
 * A measure over a run: how it was in the second quarter and in the last, NaN where it was never
 * measured then, and the most.
 */
export interface Course {
  readonly early: Level;
  readonly late: Level;
  readonly most: number;
}

/**
 * How high a measure is for a time. Work fills about half of a minute, so that a median alone may
 * jump between rest and work, and what is left behind at rest is small beside the work.
 */
export interface Level {
  readonly mean: number;
  readonly median: number;
  /** The lower quartile. */
  readonly rest: number;
}

/** The courses of all measures, by their names. The first quarter is warm-up and does not show growth. */
export function coursesOf(samples: readonly Sample[]): ReadonlyMap<string, Course> {
  const quarter = Math.floor(samples.length / 4);
  const measures = new Set(samples.flatMap((sample) => Object.keys(sample)));
  return new Map(
    [...measures].sort().map((measure) => {
      const of = (some: readonly Sample[]) =>
        some.map((sample) => sample[measure]).filter((value) => value !== undefined);
      return [
        measure,
        {
          early: levelOf(of(samples.slice(quarter, 2 * quarter))),
          late: levelOf(of(samples.slice(-quarter))),
          most: Math.max(...of(samples)),
        },
      ];
    }),
  );
}

/** What is over its bound, or was not measured where it had to be, each as a sentence. */
export function overBounds(
  courses: ReadonlyMap<string, Course>,
  bounds: Readonly<Record<string, Bound>>,
): string[] {
  return Object.entries(bounds).flatMap(([measure, { most, growth }]) => {
    const course = courses.get(measure);
    if (course === undefined) return [`${measure}: never measured`];
    const problems: string[] = [];
    if (course.most > most) problems.push(`${measure}: ${course.most}, over ${most}`);
    if (growth !== undefined) {
      const { early, late } = course;
      if (Number.isNaN(early.mean + late.mean)) problems.push(`${measure}: a quarter not measured`);
      for (const level of ['mean', 'median', 'rest'] as const) {
        if (late[level] > early[level] * growth) {
          problems.push(`${measure}: its ${level} grew from ${early[level]} to ${late[level]}`);
        }
      }
    }
    return problems;
  });
}

function levelOf(values: readonly number[]): Level {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return {
    mean: values.reduce((sum, value) => sum + value, 0) / values.length,
    median: at(0.5),
    rest: at(0.25),
  };
}
