/** What bundlers take for browsers: there are no ranks in a page. */
import { BackendError } from '@tfkit/core';

throw new BackendError(
  '@tfkit/ddp: the platform must be Node, got a browser. Train in Node (npx tfkit-ddp run -n 2 train.mjs) and load the ' +
    'weights in the page with @tfkit/core/weights; where only a process group is asked for, pass soloCollective of @tfkit/core.',
);
