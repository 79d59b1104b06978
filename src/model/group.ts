/** One group of a user pool, in the form the mirror keeps. */
export interface Group {
  readonly groupName: string;
  readonly description: string | null;
  readonly roleArn: string | null;
  /** 0 is the highest; null is the lowest. */
  readonly precedence: number | null;
  readonly createdAt: Date | null;
  readonly modifiedAt: Date | null;
  /** The fields whose text is stored in its escaped form. */
  readonly escaped: readonly string[];
}
