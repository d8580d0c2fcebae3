/** How digits.png is laid out: row d of `perClass` pictures of `side` x `side` pixels holds the digit d. */
export const perClass = 240;
export const side = 14;
/** Of each class these many train; the rest are for looking at and scoring. */
export const trainPerClass = 200;
