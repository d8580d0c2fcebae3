/** Vitest setup of every project: registers the matchers. */
import './matchers';
