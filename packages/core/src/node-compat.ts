/**
 * `import '@tfkit/core/node-compat'` before `@tensorflow/tfjs-node` makes tfjs-node 4.22 work on Node 23 and later,
 * where `util.isNullOrUndefined` is gone. Needs nothing else of core.
 */
import util from 'node:util';
import { restoreUtil } from './repair-node-util';

restoreUtil(util as unknown as Record<string, unknown>);
