/**
 * tfjs' own gradients, which `@tensorflow/tfjs-core` leaves out in Node. The build bundles them from tfjs-core (see
 * scripts/slim-gradients.ts); importing this module registers them.
 */
import '@tensorflow/tfjs-core/dist/register_all_gradients';

/** The tfjs version the table was taken from. */
export const gradientTableVersion = '4.22.0';
