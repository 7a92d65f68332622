import { CodedError } from "@counterpart/core/base/errors";

/** A word, a variable or a file that is not as it has to be: the command ends with exit code 2 and does nothing. */
export const invalidConfig = (message: string): CodedError => new CodedError("INVALID_CONFIG", message);
