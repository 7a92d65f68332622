/** What a tracer may gather: whoever asked for the trace pays for each piece before it is made. */

/** Is told of so many more characters of the answer; throws when they are too many. */
export type Spend = (characters: number) => void;
