/** Retrieval, verification and identification protocols on typed arrays. No tfjs. */
export {};
